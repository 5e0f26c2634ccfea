-- Pins have the firmware's numbers. Times are in seconds.
return {
  broker = "broker.lan", port = 1883, keepalive = 30,
  pump = 1,     -- D1: a relay, on while the pin is high
  button = 3,   -- D3: FLASH, which pulls the pin low
  wet = 300, dry = 850, -- what the ADC reads in water and in air
  check = 60,   -- how often the soil is looked at
  pour = 5,     -- how long the pump runs at a time
  rest = 600,   -- and how long the water is given to seep in
}
