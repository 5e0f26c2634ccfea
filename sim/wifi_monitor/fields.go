package wifimonitor

import (
	"slices"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// Subtypes of management frames that have fields of their own (IEEE 802.11-2012, table 8-1).
const (
	assocRequest    = 0
	assocResponse   = 1
	reassocRequest  = 2
	reassocResponse = 3
	probeResponse   = 5
	beacon          = 8
	authentication  = 11
	deauthenticate  = 12
)

// kind is what a field's value is.
type kind int

const (
	unsigned   kind = iota
	signed          // of whole bytes
	text            // bytes as they are
	hexText         // bytes as text, with colons
	ie              // an information element
	ieTable         // all of them
	bodyHeader      // the part of the body before them
)

// field is a named part of a packet.
type field struct {
	kind     kind
	at       int // byte of the packet; the element's number
	bit      int // lowest bit there
	bits     int // how many; bytes of a text
	subtypes []int
}

func bits(at, bit, n int) field { return field{kind: unsigned, at: at, bit: bit, bits: n} }
func word(at int, subtypes ...int) field {
	return field{kind: unsigned, at: at, bits: 16, subtypes: subtypes}
}
func bytes(k kind, at, n int, subtypes ...int) field {
	return field{kind: k, at: at, bits: n, subtypes: subtypes}
}

// fields are a packet's, by name (fw: docs/modules/wifi_monitor.md; wifi_monitor.c). A name
// that stands twice is another field in other frames.
var fields = map[string][]field{
	// The radio's header.
	"rssi":          {{kind: signed, at: 0, bits: 8}},
	"rate":          {bits(1, 0, 4)},
	"is_group":      {bits(1, 4, 1)},
	"sig_mode":      {bits(1, 6, 2)},
	"legacy_length": {bits(2, 0, 12)},
	"dmatch0":       {bits(3, 4, 1)},
	"dmatch1":       {bits(3, 5, 1)},
	"bssidmatch0":   {bits(3, 6, 1)},
	"bssidmatch1":   {bits(3, 7, 1)},
	"mcs":           {bits(4, 0, 7)},
	"cwb":           {bits(4, 7, 1)},
	"ht_length":     {bits(5, 0, 16)},
	"smoothing":     {bits(7, 0, 1)},
	"not_counding":  {bits(7, 1, 1)},
	"aggregation":   {bits(7, 3, 1)},
	"stbc":          {bits(7, 4, 2)},
	"fec_coding":    {bits(7, 6, 1)},
	"sgi":           {bits(7, 7, 1)},
	"rxend_state":   {bits(8, 0, 8)},
	"ampdu_cnt":     {bits(9, 0, 8)},
	"channel":       {bits(10, 0, 4)},
	"radio":         {bytes(text, 0, frameAt)},

	// The frame's header. The firmware takes the sender's address for the receiver's, and
	// the other way round.
	"protocol":       {bits(12, 0, 2)},
	"type":           {bits(12, 2, 2)},
	"subtype":        {bits(12, 4, 4)},
	"tods":           {bits(13, 0, 1)},
	"fromds":         {bits(13, 1, 1)},
	"moreflag":       {bits(13, 2, 1)},
	"retry":          {bits(13, 3, 1)},
	"pwrmgmt":        {bits(13, 4, 1)},
	"moredata":       {bits(13, 5, 1)},
	"protectedframe": {bits(13, 6, 1)},
	"order":          {bits(13, 7, 1)},
	"duration":       {word(14)},
	"srcmac":         {bytes(text, 16, 6)},
	"srcmac_hex":     {bytes(hexText, 16, 6)},
	"dstmac":         {bytes(text, 22, 6)},
	"dstmac_hex":     {bytes(hexText, 22, 6)},
	"bssid":          {bytes(text, 28, 6)},
	"bssid_hex":      {bytes(hexText, 28, 6)},
	"number":         {word(34)},
	"frame":          {bytes(text, frameAt, frameRoom)},
	"frame_hex":      {bytes(hexText, frameAt, frameRoom)},
	"header":         {{kind: bodyHeader}},
	"ie_table":       {{kind: ieTable}},

	// Bodies.
	"association_id":             {word(40, assocResponse, reassocResponse)},
	"authentication_algorithm":   {word(36, authentication)},
	"authentication_transaction": {word(38, authentication)},
	"beacon_interval":            {word(44, probeResponse, beacon)},
	"capability":                 {word(36, assocRequest, assocResponse, reassocRequest, reassocResponse), word(46, probeResponse, beacon)},
	"current_ap":                 {bytes(text, 40, 6, reassocRequest)},
	"listen_interval":            {word(38, assocRequest, reassocRequest)},
	"reason":                     {word(36, deauthenticate)},
	"status":                     {word(38, assocResponse, reassocResponse), word(40, authentication)},
	"timestamp":                  {bytes(text, 36, 8, probeResponse, beacon)},
}

// elementNames are the information elements that have a name, with "ie_" before it (IEEE
// 802.11, element IDs).
var elementNames = map[string]int{
	"ssid": 0, "supported_rates": 1, "fh_parameter_set": 2, "dsss_parameter_set": 3, "cf_parameter_set": 4, "tim": 5,
	"ibss_parameter_set": 6, "country": 7, "hopping_pattern_parameters": 8, "hopping_pattern_table": 9, "request": 10,
	"bss_load": 11, "edca_parameter_set": 12, "tspec": 13, "tclas": 14, "schedule": 15, "challenge_text": 16,
	"power_constraint": 32, "power_capability": 33, "tpc_request": 34, "tpc_report": 35, "supported_channels": 36,
	"channel_switch_announcement": 37, "measurement_request": 38, "measurement_report": 39, "quiet": 40, "ibss_dfs": 41,
	"erp_information": 42, "ts_delay": 43, "tclas_processing": 44, "ht_capabilities": 45, "qos_capability": 46, "rsn": 48,
	"extended_supported_rates": 50, "ap_channel_report": 51, "neighbor_report": 52, "rcpi": 53, "mobility_domain": 54,
	"fast_bss_transition": 55, "timeout_interval": 56, "ric_data": 57, "dse_registered_location": 58,
	"supported_operating_classes": 59, "extended_channel_switch_announcement": 60, "ht_operation": 61,
	"secondary_channel_offset": 62, "bss_average_access_delay": 63, "antenna": 64, "rsni": 65,
	"measurement_pilot_transmission": 66, "bss_available_admission_capacity": 67, "bss_ac_access_delay": 68,
	"time_advertisement": 69, "rm_enabled_capacities": 70, "multiple_bssid": 71, "20_40_bss_coexistence": 72,
	"20_40_bss_intolerant_channel_report": 73, "overlapping_bss_scan_parameters": 74, "ric_descriptor": 75,
	"management_mic": 76, "event_request": 78, "event_report": 79, "diagnostic_request": 80, "diagnostic_report": 81,
	"location_parameters": 82, "nontransmitted_bssid_capability": 83, "ssid_list": 84, "multiple_bssid_index": 85,
	"fms_descriptor": 86, "fms_request": 87, "fms_response": 88, "qos_traffic_capability": 89, "bss_max_idle_period": 90,
	"tfs_request": 91, "tfs_response": 92, "wnm_sleep_mode": 93, "tim_broadcast_request": 94, "tim_broadcast_response": 95,
	"collocated_interference_report": 96, "channel_usage": 97, "time_zone": 98, "dms_request": 99, "dms_response": 100,
	"link_identifier": 101, "wakeup_schedule": 102, "channel_switch_timing": 104, "pti_control": 105,
	"tpu_buffer_status": 106, "interworking": 107, "advertisement_protocol": 108, "expedited_bandwidth_request": 109,
	"qos_map_set": 110, "roaming_consortium": 111, "emergency_alart_identifier": 112, "mesh_configuration": 113,
	"mesh_id": 114, "mesh_link_metric_report": 115, "congestion_notification": 116, "mesh_peering_management": 117,
	"mesh_channel_switch_parameters": 118, "mesh_awake_window": 119, "beacon_timing": 120, "mccaop_setup_request": 121,
	"mccaop_setup_reply": 122, "mccaop_advertisement": 123, "mccaop": 124, "gann": 125, "rann": 126,
	"extended_capabilities": 127, "preq": 130, "prep": 131, "perr": 132, "proxy_update": 137,
	"proxy_update_confirmation": 138, "authenticated_mesh_peering_exchange": 139, "mic": 140, "destination_uri": 141,
	"uapsd_coexistence": 142, "mccaop_advertisement_overview": 174, "vht_capabilities": 191, "vht_operation": 192,
	"extended_bss_load": 193, "wide_bandwidth_channel_switch": 194, "vht_transmit_power_envelope": 195,
	"channel_switch_wrapper": 196, "aid": 197, "quiet_channel": 198, "operating_mode_notification": 199,
	"vendor_specific": 221, "he_capabilities": 255,
}

func init() {
	for name, id := range elementNames {
		fields["ie_"+name] = []field{{kind: ie, at: id}}
	}
}

// find returns the field of a name in frames of a subtype.
func find(name string, subtype int) (field, bool) {
	for _, f := range fields[name] {
		if f.subtypes == nil || slices.Contains(f.subtypes, subtype) {
			return f, true
		}
	}
	return field{}, false
}

// push returns the field's value.
func (f field) push(c *vm.Call, p *packet) int {
	switch f.kind {
	case text:
		return c.ReturnString(string(p.data[f.at : f.at+f.bits]))
	case hexText:
		return pushHex(c, p.data[f.at:f.at+f.bits], ":")
	case ie:
		data, ok := p.element(f.at)
		if !ok {
			return c.ReturnNil()
		}
		return c.ReturnString(string(data))
	case ieTable:
		t := c.NewTable(0, 0)
		c.Push(t)
		p.elements(func(id byte, data []byte) bool {
			c.VM.RawSetInt(t, int(id), vm.String(data))
			return true
		})
		return 1
	case bodyHeader:
		n := elementsAt[p.subtype()]
		if n < 0 {
			return c.ReturnNil()
		}
		return c.ReturnString(string(p.data[bodyAt : bodyAt+n]))
	}
	return c.ReturnInt(f.number(p.data))
}

// number is the value of an integer.
func (f field) number(data []byte) int {
	x := int(data[f.at]) | int(data[f.at+1])<<8
	x = x >> f.bit & (1<<f.bits - 1)
	if f.kind == signed && x >= 1<<(f.bits-1) {
		x -= 1 << f.bits
	}
	return x
}
