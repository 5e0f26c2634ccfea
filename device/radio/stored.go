package radio

// remember puts a network into the list of those stored.
func (f *stored) remember(cfg StationConfig) {
	for i, o := range f.aps {
		if o == cfg {
			f.apIndex = i
			return
		}
	}
	if len(f.aps) < f.apLimit {
		f.apIndex = len(f.aps)
		f.aps = append(f.aps, cfg)
		return
	}
	f.apIndex = (f.apIndex + 1) % f.apLimit
	f.aps[f.apIndex] = cfg
}

// Stored returns the networks in the flash and which of them was stored or
// chosen last, from 0.
func (s *Station) Stored() (aps []StationConfig, current int) {
	return s.r.flash.aps, s.r.flash.apIndex
}

// SetStoredLimit stores how many networks are kept, 1 to 5.
func (s *Station) SetStoredLimit(n int) bool {
	if n < 1 || n > maxStoredAPs {
		return false
	}
	s.r.flash.apLimit = n
	s.r.keep()
	return true
}

// Change connects to one of the stored networks, from 0.
func (s *Station) Change(i int) bool {
	if i >= len(s.r.flash.aps) || !s.Configure(s.r.flash.aps[i], false) {
		return false
	}
	s.r.flash.apIndex = i
	s.r.keep()
	s.Connect()
	return true
}
