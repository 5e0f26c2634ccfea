package gateway

// HostServer is server, for the tests that run whole devices.
var HostServer = server
