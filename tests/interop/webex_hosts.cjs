// Loaded with `node --require` before a client of the Webex cloud: as if names were resolved so that every host but
// loopback is the simulated cloud at SIMULATED_CLOUD (https://ADDRESS:PORT).
//
// Only where connections of node:https go is changed. The client still asks for the name it knows, in SNI and Host, and
// takes the answer only if the certificate is for that name and NODE_EXTRA_CA_CERTS trusts it; so a host that the
// simulated cloud does not stand for cannot be reached at all.
'use strict';

const https = require('node:https');

const cloud = new URL(process.env.SIMULATED_CLOUD);
const connect = https.Agent.prototype.createConnection;

https.Agent.prototype.createConnection = function createConnection(options, ...rest) {
  const here = options.host === cloud.hostname;
  const moved = here ? options : { ...options, host: cloud.hostname, port: Number(cloud.port) };
  return connect.call(this, moved, ...rest);
};
