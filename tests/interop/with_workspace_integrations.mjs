// Cisco's client for workspace integrations against a simulated cloud; see cloud_meeting.py for who starts it, and with
// what.
//
// The client cannot be told to stop: it polls until this program ends. What it says on the console is kept, because
// that is the only place where it tells of a poll that failed or an action that it does not take.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const places = JSON.parse(process.argv[2]);
const require = createRequire(`${places.modules}/`);
const { connect, createAccessToken } = require('workspace-integrations');
const { clientId, clientSecret, desks } = places;
const local = desks.local.device;

const WAIT_MS = 15_000; // the client waits 5 s after a poll that failed
const CONFIG = { clientId, clientSecret, notifications: 'longpolling', logLevel: 'silent' };

function within(promise, what) {
  const late = sleep(WAIT_MS, undefined, { ref: false }).then(() => {
    throw new Error(`${what}: not within ${WAIT_MS} ms`);
  });
  return Promise.race([promise, late]);
}

// --- what comes by itself -------------------------------------------------------------------------------------------

// Things that were heard, and waiting for the first that fits.
class Heard {
  #items = [];
  #wake = () => {};

  add(item) {
    this.#items.push(item);
    this.#wake();
  }

  async #search(fits) {
    for (;;) {
      const at = this.#items.findIndex(fits);
      if (at >= 0) return this.#items.splice(at, 1)[0];
      await new Promise((resolve) => { this.#wake = resolve; });
    }
  }

  first(fits, what) {
    return within(this.#search(fits), what);
  }
}

const said = new Heard();
console.log = (...words) => said.add(words.map(String).join(' '));

// Of statuses and events, whatever their path matches, as {device, path, value, message}.
function listen(to, path) {
  const heard = new Heard();
  to.on(path, (device, at, value, message) => heard.add({ device, path: at, value, message }));
  return heard;
}

// Not what a device repeats once an hour.
const changedTo = (wanted) => ({ value, message }) => value === wanted && message.isFullSync === false;

// --- doors ----------------------------------------------------------------------------------------------------------

async function order(method, url, body = {}) {
  const headers = { 'Content-Type': 'application/json' };
  const response = await fetch(url, { method, headers, body: JSON.stringify(body), signal: AbortSignal.timeout(WAIT_MS) });
  const answer = await response.json();
  assert.equal(response.status, 200, JSON.stringify(answer));
  return answer;
}

const trick = (fault, options = {}, device = '') =>
  order('PUT', `${places.control}/faults/${fault}`, { device, times: 1, options });
const person = async (act, details = {}, kind = 'local') =>
  (await order('POST', `${places.control}/devices/${desks[kind].control}/people/${act}`, details)).result;
const send = (action, details = {}) => order('POST', `${places.door}/actions`, { action, ...details });

// --- what several checks need ---------------------------------------------------------------------------------------

let activation;
let integration;

// The client gives the cloud's answer as the text of an Error.
async function refused(promise) {
  try {
    await promise;
  } catch (error) {
    return JSON.parse(error.message);
  }
  throw new assert.AssertionError({ message: 'it was not refused' });
}

function booking(BookingRequestUUID, Duration = 60) {
  const start = new Date(Date.now() + 5 * 3_600_000).toISOString().replace(/\.\d+Z$/, 'Z');
  return {
    BookingRequestUUID, Duration, Title: 'Desk', StartTime: start,
    OrganizerEmail: 'person3@example.com', OrganizerName: 'Person',
  };
}

const books = (kind) => async () => {
  const { device } = desks[kind];
  const heard = listen(integration.xapi.event, 'Bookings BookingCreated');
  const uuid = randomUUID();
  assert.deepEqual(await integration.xapi.command(device, 'Bookings Book', booking(uuid)), {});
  const created = await heard.first(({ value }) => value.BookingRequestUUID === uuid, 'BookingCreated');
  assert.deepEqual([created.device, created.path], [device, 'Bookings.BookingCreated']);
  const list = await integration.xapi.command(device, 'Bookings List', { Days: 2 });
  const row = list.Booking.find((one) => one.MeetingId === created.value.MeetingId);
  assert.deepEqual([row.Title, row.Id], ['Desk', created.value.Id]);
};

// Somebody books at the desk, and *connected* hears of it.
async function hearsBooking(connected) {
  const heard = listen(connected.xapi.event, 'Bookings');
  const uuid = await person('book', { duration_min: 30, email: 'person1@example.com' });
  const { device, value, message } = await heard.first(
    (event) => event.path === 'Bookings.BookingCreated' && event.value.BookingRequestUUID === uuid, 'BookingCreated',
  );
  assert.deepEqual([device, value.Duration, message.type, message.appId], [local, 30, 'events', places.appId]);
  assert.ok(value.MeetingId);
  await person('delete', { meeting: uuid });
}

async function decodedByProgram(token) {
  const program = require.resolve('workspace-integrations/lib/cli.js');
  const { stdout } = await promisify(execFile)(
    process.execPath, [...process.execArgv, program, token], { timeout: WAIT_MS },
  );
  return JSON.parse(stdout.slice(stdout.indexOf('{')));
}

// --- the checks -----------------------------------------------------------------------------------------------------

const checks = {
  'its jwt-decode verifies the activation code': async () => {
    activation = await decodedByProgram(places.activationCode);
    assert.deepEqual(Object.keys(activation).sort(), ['appUrl', 'oauthUrl', 'refreshToken', 'webexapisBaseUrl']);
  },
  'connects with long polling': async () => {
    integration = await within(connect({ ...CONFIG, activationCode: activation }), 'connecting');
    assert.match(integration.serialize().pollUrl, /^https:/);
  },
  'is told by a ping what it is and may do': async () => {
    const app = await integration.getAppInfo();
    assert.deepEqual([app.id, app.provisioningState, app.queue.state], [places.appId, 'completed', 'enabled']);
    assert.ok(app.xapiAccessKeys.commands.includes('Bookings.Book'));
    assert.ok(app.manifestVersion > 0);
  },
  'lists the devices, and shows one': async () => {
    const listed = await integration.devices.getDevices();
    assert.deepEqual(listed.map((one) => one.id).sort(), Object.values(desks).map((desk) => desk.device).sort());
    const one = await integration.devices.getDevice(local);
    assert.deepEqual([one.type, one.connectionStatus], ['roomdesk', 'connected']);
    assert.equal((await integration.devices.getDevices({ tag: 'nothing' })).length, 0);
  },
  'lists the workspaces, and shows that of a device': async () => {
    const listed = await integration.workspaces.getWorkspaces();
    assert.deepEqual(listed.map((one) => one.displayName).sort(), ['Hybrid desk', 'Local desk']);
    const { workspaceId } = await integration.devices.getDevice(local);
    const one = await integration.workspaces.getWorkspace(workspaceId);
    assert.deepEqual([one.displayName, one.type, one.hotdeskingStatus], [desks.local.workspace, 'desk', 'on']);
  },
  'reads a status': async () => {
    assert.equal(await integration.xapi.status.get(local, 'Bookings Availability Status'), 'Free');
    assert.equal(await integration.xapi.status.get(local, 'SystemUnit.State.NumberOfActiveCalls'), 0);
  },
  'reads statuses by wildcard': async () => {
    const found = await integration.xapi.status.get(local, 'RoomAnalytics.*');
    assert.equal(found.PeoplePresence, 'No');
    assert.equal(typeof found.PeopleCount.Current, 'number');
  },
  'reads no status that the manifest does not name': async () => {
    await assert.rejects(integration.xapi.status.get(local, 'Audio Volume'), { message: /Did you include the API/ });
    assert.equal(await integration.xapi.status.get(local, 'Audio Volume', true), false);
  },
  'books, hears BookingCreated and lists the booking': books('local'),
  'books on a hybrid desk, and hears BookingCreated later': books('hybrid'),
  'hears BookingCreated when somebody books at the desk': () => hearsBooking(integration),
  'hears Personalized as it becomes': async () => {
    const heard = listen(integration.xapi.status, 'Webex DevicePersonalization Personalized');
    await person('sign_in', { email: 'person2@example.com' });
    const { device, message } = await heard.first(changedTo('True'), 'Personalized True');
    assert.deepEqual([device, message.type], [local, 'status']);
    await person('sign_out');
    await heard.first(changedTo('False'), 'Personalized False');
  },
  'hears of what is gone, and of nothing that the manifest does not name': async () => {
    const shares = listen(integration.xapi.status, 'Conference Presentation LocalInstance');
    const calls = listen(integration.xapi.status, 'SystemUnit State NumberOfActiveCalls');
    const all = [];
    integration.xapi.status.on('', (_device, path) => all.push(path));
    await person('start_call');
    await person('end_call');
    await calls.first(changedTo(0), 'the end of the call');
    await person('share');
    const { path } = await shares.first(changedTo('LocalOnly'), 'the share');
    await person('stop_sharing');
    const gone = await shares.first(({ value }) => value.ghost, 'the end of the share');
    assert.ok(path.startsWith(gone.path), `${gone.path} is gone, ${path} was there`);
    assert.deepEqual(all.filter((one) => one.startsWith('Call')), []);
  },
  'meets 400 for a bad argument': async () => {
    const asked = integration.xapi.command(local, 'Bookings Book', booking(randomUUID(), 1441));
    const { status, message, trackingId } = await refused(asked);
    assert.deepEqual([status, typeof trackingId], [400, 'string']);
    assert.match(message, /Duration/);
  },
  'meets 403 for a command that the manifest does not name': async () => {
    assert.equal((await refused(integration.xapi.command(local, 'SystemUnit Boot'))).status, 403);
  },
  'meets 404 for an unknown device and an unknown place': async () => {
    assert.equal((await refused(integration.xapi.command('unknown', 'Bookings List'))).status, 404);
    assert.equal((await refused(integration.webexApi('no/such/place'))).status, 404);
  },
  'meets 429 with Retry-After': async () => {
    await trick('cloud_error', { command: 'Bookings List', status: 429, retry_after: 7 }, desks.local.control);
    const { status, retryAfter } = await refused(integration.xapi.command(local, 'Bookings List'));
    assert.deepEqual([status, retryAfter], [429, '7']);
  },
  'meets 400 for a bad refresh token, 401 for a bad secret': async () => {
    const { oauthUrl, refreshToken } = activation;
    const good = { clientId, clientSecret, oauthUrl, refreshToken };
    assert.equal((await refused(createAccessToken({ ...good, refreshToken: 'wrong' }))).status, 400);
    assert.equal((await refused(createAccessToken({ ...good, clientSecret: 'wrong' }))).status, 401);
  },
  'goes on with another access token': async () => {
    let trouble = '';
    integration.onError((text) => { trouble = text; });
    await integration.refreshToken();
    assert.equal(trouble, '');
    assert.ok('Booking' in (await integration.xapi.command(local, 'Bookings List')));
  },
  'hears again after a poll that failed': async () => {
    await trick('poll_error', { status: 502 });
    await hearsBooking(integration); // the poll that is held already
    await said.first((text) => text.startsWith('Error polling') && text.includes('"status":502'), 'a poll that fails');
    await hearsBooking(integration);
  },
  'verifies an action': async () => {
    const actions = new Heard();
    integration.onAction((action) => actions.add(action));
    await send('healthCheck');
    const action = await actions.first(() => true, 'the action');
    assert.deepEqual([action.action, action.appId], ['healthCheck', places.appId]);
  },
  'takes no action that is forged, old or repeated': async () => {
    const taken = [];
    integration.onAction(({ action }) => taken.push(action));
    await send('deprovision', { signed_by: 'stranger' });
    await said.first((text) => text === 'invalid signature', 'refusing a forged one');
    await send('deprovision', { age_s: 24 * 3600 });
    await said.first((text) => text === 'JWT iat too old', 'refusing an old one');
    await send('updateApproved', { times: 2 });
    await said.first((text) => text === 'JWT jti not valid', 'refusing a repeated one');
    for (const end = Date.now() + WAIT_MS; !taken.length && Date.now() < end;) await sleep(20);
    assert.deepEqual(taken, ['updateApproved']);
  },
  'follows an update to another region': async () => {
    const actions = new Heard();
    integration.onAction((action) => actions.add(action));
    await order('POST', `${places.door}/move`);
    const { region, appUrl, refreshToken } = await actions.first(({ action }) => action === 'update', 'the update');
    assert.equal(region, 'eu-central-1_k');
    const moved = await connect({ ...CONFIG, activationCode: { ...activation, appUrl, refreshToken } });
    await hearsBooking(moved);
  },
};

let failed = 0;
for (const [name, check] of Object.entries(checks)) {
  let end = '';
  try {
    await within(check(), 'the check');
  } catch (error) {
    failed += 1;
    end = `: ${error instanceof Error ? error.message : JSON.stringify(error)}`.replaceAll(/\s+/g, ' ');
  }
  process.stdout.write(`${end ? 'FAIL' : 'PASS'} workspace-integrations: ${name}${end}\n`);
}
process.exit(failed ? 1 : 0);
