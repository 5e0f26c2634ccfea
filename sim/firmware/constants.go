package firmware

// constants are the numbers that a module's table and the tables in it have (fw: the maps
// in app/modules/*.c, docs/modules/*.md), sorted. A module that is not here has none.
var constants = map[string]string{
	"adc":    "INIT_ADC INIT_VDD33",
	"coap":   "CON EXI JSON LINKFORMAT NON OCTET_STREAM TEXT_PLAIN XML",
	"gpio":   "FLOAT HIGH INPUT INT LOW OPENDRAIN OUTPUT PULLUP",
	"http":   "ERROR OK",
	"mqtt":   "CONNACK_ACCEPTED CONNACK_REFUSED_BAD_USER_OR_PASS CONNACK_REFUSED_ID_REJECTED CONNACK_REFUSED_NOT_AUTHORIZED CONNACK_REFUSED_PROTOCOL_VER CONNACK_REFUSED_SERVER_UNAVAILABLE CONN_FAIL_DNS CONN_FAIL_NOT_A_CONNACK_MSG CONN_FAIL_SERVER_NOT_FOUND CONN_FAIL_TIMEOUT_RECEIVING CONN_FAIL_TIMEOUT_SENDING",
	"net":    "TCP UDP",
	"node":   "CPU160MHZ CPU80MHZ egc.ALWAYS egc.NOT_ACTIVE egc.ON_ALLOC_FAILURE egc.ON_MEM_LIMIT task.HIGH_PRIORITY task.LOW_PRIORITY task.MEDIUM_PRIORITY",
	"pixbuf": "FADE_IN FADE_OUT SHIFT_CIRCULAR SHIFT_LOGICAL",
	"tmr":    "ALARM_AUTO ALARM_SEMI ALARM_SINGLE",
	"uart":   "DIR_RX DIR_TX PARITY_EVEN PARITY_NONE PARITY_ODD STOPBITS_1 STOPBITS_1_5 STOPBITS_2",
	"wifi":   "COUNTRY_AUTO COUNTRY_MANUAL LIGHT_SLEEP MODEM_SLEEP NONE_SLEEP NULLMODE OPEN PHYMODE_B PHYMODE_G PHYMODE_N SOFTAP STATION STATIONAP STA_APNOTFOUND STA_CONNECTING STA_FAIL STA_GOTIP STA_IDLE STA_WRONGPWD WPA2_PSK WPA_PSK WPA_WPA2_PSK eventmon.AP_PROBEREQRECVED eventmon.AP_STACONNECTED eventmon.AP_STADISCONNECTED eventmon.EVENT_MAX eventmon.STA_AUTHMODE_CHANGE eventmon.STA_CONNECTED eventmon.STA_DHCP_TIMEOUT eventmon.STA_DISCONNECTED eventmon.STA_GOT_IP eventmon.WIFI_MODE_CHANGED eventmon.reason.4WAY_HANDSHAKE_TIMEOUT eventmon.reason.802_1X_AUTH_FAILED eventmon.reason.AKMP_INVALID eventmon.reason.ASSOC_EXPIRE eventmon.reason.ASSOC_FAIL eventmon.reason.ASSOC_LEAVE eventmon.reason.ASSOC_NOT_AUTHED eventmon.reason.ASSOC_TOOMANY eventmon.reason.AUTH_EXPIRE eventmon.reason.AUTH_FAIL eventmon.reason.AUTH_LEAVE eventmon.reason.BEACON_TIMEOUT eventmon.reason.CIPHER_SUITE_REJECTED eventmon.reason.DISASSOC_PWRCAP_BAD eventmon.reason.DISASSOC_SUPCHAN_BAD eventmon.reason.GROUP_CIPHER_INVALID eventmon.reason.GROUP_KEY_UPDATE_TIMEOUT eventmon.reason.HANDSHAKE_TIMEOUT eventmon.reason.IE_INVALID eventmon.reason.IE_IN_4WAY_DIFFERS eventmon.reason.INVALID_RSN_IE_CAP eventmon.reason.MIC_FAILURE eventmon.reason.NOT_ASSOCED eventmon.reason.NOT_AUTHED eventmon.reason.NO_AP_FOUND eventmon.reason.PAIRWISE_CIPHER_INVALID eventmon.reason.UNSPECIFIED eventmon.reason.UNSUPP_RSN_IE_VERSION",
	"wps":    "FAILED SCAN_ERR SUCCESS TIMEOUT WEP",
}

// undocumented are the functions that the maps have and the documentation pages have not.
var undocumented = map[string]string{
	"wifi": "sleeptype", // as wifi.sta.sleeptype (fw: app/modules/wifi.c)
}
