// Package mqtt is the firmware module mqtt: a client of MQTT 3.1.1 (fw:
// app/modules/mqtt.c, app/mqtt; docs/modules/mqtt.md; oracle: mqtt-behaviour.md).
// The connection below is package espconn's.
//
// # Functions
//
//	mqtt.Client([id [, keepalive [, user [, password [, clean [, maxlen]]]]]])
//
//	m:connect(host [, port [, secure]] [, fn(m) [, fn(m, code)]])
//	m:publish(topic, payload, qos, retain [, fn(m)])
//	m:subscribe(topic, qos [, fn(m)])     m:subscribe({topic = qos, …} [, fn(m)])
//	m:unsubscribe(topic [, fn(m)])        m:unsubscribe({topic = any, …} [, fn(m)])
//	m:lwt(topic, message [, qos [, retain]])
//	m:on(event, fn)                       connect, connfail, offline, message, overflow,
//	                                      puback, suback, unsuback
//	m:close()
//
//	mqtt.CONN_FAIL_*   -5 … -1, what connfail gets where there was no answer
//	mqtt.CONNACK_*     0 … 5, what the broker answered
//
// # What surprises, and is kept because programs meet it
//
//   - mqtt.Client looks at its arguments in order: one that has not the type of the next
//     setting is not used up, and is looked at as the one after. clean is a number: true
//     is ignored, with all that follows. A nil user stops it, too.
//   - The default of clean is 0, other than documented.
//   - An event has one handler. A function given to connect, publish, subscribe or
//     unsubscribe becomes that handler, for calls that wait as well. None can be removed.
//   - offline comes whenever the TCP connection had been there, also after connfail; then
//     the client is still connected inside connfail, and connect raises "already
//     connected". Where TCP failed, offline does not come, and connect inside connfail
//     makes the device crash when the new connection is there. Connect from a timer.
//   - One queue holds all that goes out. Its head is sent once and waits for its answer:
//     if that never comes nothing is sent any more, no PINGREQ either, and close waits, too.
//     publish goes on returning true.
//   - A broker that sends PINGREQ blocks the queue for ever.
//   - publish returns false for what is larger than 1,460 bytes or has no topic.
//   - What subscribe is answered does not matter: a refusal (0x80) looks as success.
//   - A table of topics with numbers as keys is "invalid key to 'next'".
//   - A message longer than maxlen, header included, goes to overflow with what the first
//     segments had of it. A message without payload has no third argument.
//   - What comes in one segment with CONNACK is lost.
//   - A vanished broker is found out by TCP only, after ten minutes, once a PINGREQ could not
//     be delivered.
//   - secure stays as the last call had it. A build without TLS raises "ssl not
//     available" then; a number prints a warning.
//   - mqtt.CONNACK_REFUSED_SERVER_UNAVAILABLE is nil: the name is too long.
//   - An error in a handler is a panic of the device.
//
// Where one of these loses something, the device emits a hint. Each code that connfail
// gets is explained once.
//
// # How long objects live
//
// A client is anchored from connect to its offline event, or to connfail where that does
// not come. It keeps its id, names and will as references to Lua's strings.
package mqtt
