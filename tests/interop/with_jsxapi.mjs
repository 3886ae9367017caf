// The vendor's JavaScript client against a simulated device; see meeting.py for who starts it, and with what.
//
// What a well-behaved caller cannot cause (a frame that is no JSON) is sent through the client's own WebSocket, with a
// waiter put where the client looks for the answer's.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';

const places = JSON.parse(process.argv[2]);
const { connect } = createRequire(`${places.modules}/`)('jsxapi');

const WAIT_MS = 10_000;
const VOLUME = 'Audio Volume';

function within(promise, what) {
  const late = sleep(WAIT_MS, undefined, { ref: false }).then(() => {
    throw new Error(`${what}: not within ${WAIT_MS} ms`);
  });
  return Promise.race([promise, late]);
}

// --- connecting -----------------------------------------------------------------------------------------------------

function open({ kind = 'local', username = 'admin', password = places.users[username] } = {}) {
  const xapi = connect(places[kind].url, { username, password });
  const ready = new Promise((resolve, reject) => {
    xapi.on('ready', () => resolve(xapi));
    xapi.on('error', (error) => reject(error instanceof Error ? error : new Error(String(error))));
  });
  return within(ready, 'connecting');
}

async function connected(options, body) {
  const xapi = await open(options);
  try {
    return await within(Promise.resolve(body(xapi)), 'the check');
  } finally {
    xapi.close();
  }
}

async function refusedWith(status, options) {
  await assert.rejects(open(options), { message: `Unexpected server response: ${status}` });
}

// --- feedback -------------------------------------------------------------------------------------------------------

// Subscribes, and gives a function that waits for the first thing heard that fits.
async function listen(subscribe) {
  const heard = [];
  let wake = () => {};
  const off = subscribe((value) => {
    heard.push(value);
    wake();
  });
  await off.registration;
  return async function first(fits) {
    for (;;) {
      const at = heard.findIndex(fits);
      if (at >= 0) return heard.splice(at, 1)[0];
      await new Promise((resolve) => { wake = resolve; });
    }
  };
}

// --- the floor's control door ---------------------------------------------------------------------------------------

async function control(method, path, body = {}) {
  const response = await fetch(places.control + path, { method, body: JSON.stringify(body) });
  const answer = await response.json();
  assert.equal(response.status, 200, JSON.stringify(answer));
  return answer;
}

const trick = (fault, options = {}, times = null) =>
  control('PUT', `/faults/${fault}`, { device: places.local.id, times, options });
const mend = (fault) => control('DELETE', `/faults/${fault}?device=${places.local.id}`);
const person = async (act, details = {}) =>
  (await control('POST', `/devices/${places.local.id}/people/${act}`, details)).result;

// --- the checks -----------------------------------------------------------------------------------------------------

function booking(BookingRequestUUID, Duration) {
  const start = new Date(Date.now() + 5 * 3_600_000).toISOString().replace(/\.\d+Z$/, 'Z');
  return {
    BookingRequestUUID, Duration, Title: 'Desk', StartTime: start,
    OrganizerEmail: 'person3@example.com', OrganizerName: 'Person',
  };
}

const books = (kind) => () => connected({ kind }, async (xapi) => {
  const uuid = randomUUID();
  const first = await listen((handler) => xapi.event.on('Bookings BookingCreated', handler));
  assert.deepEqual(await xapi.command('Bookings Book', booking(uuid, 60)), { status: 'OK' });
  const created = await first((event) => event.BookingRequestUUID === uuid);
  const list = await xapi.command('Bookings List');
  assert.equal(list.status, 'OK');
  const row = list.Booking.find((one) => one.MeetingId === created.MeetingId);
  assert.deepEqual([row.Title, row.Id], ['Desk', created.Id]);
});

// The request must fail with *code*, and the connection be of use afterwards.
const meets = (code, ask, also = () => {}) => () => connected({}, async (xapi) => {
  await assert.rejects(Promise.resolve(ask(xapi)), (error) => {
    assert.equal(error.code, code, JSON.stringify(error));
    also(error);
    return true;
  });
  assert.equal(typeof (await xapi.status.get(VOLUME)), 'number');
});

function answerTo(xapi, id, frame) {
  return new Promise((resolve, reject) => {
    xapi.requests[id] = { resolve, reject };
    xapi.backend.ws.send(frame);
  });
}

const checks = {
  'authenticates by subprotocol': () => connected({}, async (xapi) => {
    assert.equal(typeof (await xapi.status.get(VOLUME)), 'number');
    assert.match(xapi.backend.ws.protocol, /^auth-[\w-]+$/);
  }),
  'is refused with 403 when the password is wrong': () => refusedWith(403, { password: 'wrong' }),
  'tells 401, 502 and 503 apart': async () => {
    for (const status of [401, 502, 503]) {
      await trick(`upgrade_${status}`, {}, 1);
      await refusedWith(status);
    }
  },
  'reads a status and a subtree': () => connected({}, async (xapi) => {
    assert.ok('DevicePersonalization' in (await xapi.status.get('Webex')));
    assert.ok((await xapi.Status.SystemUnit.Software.Version.get()).length);
  }),
  'sets a configuration and hears of it': () => connected({}, async (xapi) => {
    const name = `Desk ${randomUUID()}`;
    const first = await listen((handler) => xapi.config.on('SystemUnit Name', handler));
    await xapi.config.set('SystemUnit Name', name);
    assert.equal(await xapi.config.get('SystemUnit Name'), name);
    await first((value) => value === name);
  }),
  'receives BookingCreated when somebody books at the desk': () => connected({}, async (xapi) => {
    const first = await listen((handler) => xapi.event.on('Bookings', handler));
    const uuid = await person('book', { duration_min: 30, email: 'person1@example.com' });
    const { BookingCreated: created } = await first((event) => event.BookingCreated?.BookingRequestUUID === uuid);
    assert.equal(created.Duration, 30);
    const list = await xapi.command('Bookings List');
    assert.ok(list.Booking.some((row) => row.MeetingId === created.MeetingId));
  }),
  'receives Personalized as it becomes': async () => {
    await person('sign_out');
    await connected({}, async (xapi) => {
      const first = await listen((handler) =>
        xapi.Status.Webex.DevicePersonalization.Personalized.on(handler));
      await person('sign_in', { email: 'person2@example.com' });
      await first((value) => value === 'True');
      await person('sign_out');
      await first((value) => value === 'False');
    });
  },
  'books, hears BookingCreated and lists the booking': books('local'),
  'books on a hybrid desk, and hears BookingCreated later': books('hybrid'),
  'unsubscribes': () => connected({}, async (xapi) => {
    const off = xapi.event.on('Bookings', () => {});
    await off.registration;
    off();
    assert.equal(typeof (await xapi.status.get(VOLUME)), 'number');
  }),
  'meets -32700 for a frame that is no JSON': meets(-32700, (xapi) => answerTo(xapi, null, '{this is no JSON')),
  'meets -32600 for a frame that is no request':
    meets(-32600, (xapi) => answerTo(xapi, 'x', '{"id":"x","method":"xGet"}')),
  'meets -32601 for an unknown method': meets(-32601, (xapi) => xapi.execute('xNonsense')),
  'meets -32601 for an unknown command': meets(-32601, (xapi) => xapi.command('Desk Fly')),
  'meets -32602 for a missing Path': meets(-32602, (xapi) => xapi.execute('xGet')),
  'meets -32603 when the device is out of order': meets(-32603, async (xapi) => {
    await trick('command_error', { command: 'xGet', code: -32603 }, 1);
    await xapi.status.get(VOLUME);
  }),
  'meets -31998 when subscriptions are used up': meets(-31998, async (xapi) => {
    await trick('subscription_limit', { limit: 0 });
    try {
      // Not `event.on`: it leaves a second promise behind, which nobody can catch.
      await xapi.execute('xFeedback/Subscribe', { Query: ['Event', 'Bookings'] });
    } finally {
      await mend('subscription_limit');
    }
  }),
  'meets 1 for a bad argument, with its cause': meets(
    1,
    (xapi) => xapi.command('Bookings Book', booking(randomUUID(), 1441)),
    (error) => assert.deepEqual(
      [error.message, error.data], ['Bad usage: Bad argument to parameter "Duration".', { Cause: 27 }],
    ),
  ),
  'meets -31999 when the role is too small': () => connected({ username: 'clerk' }, async (xapi) => {
    assert.equal(typeof (await xapi.status.get(VOLUME)), 'number');
    await assert.rejects(xapi.command('Webex Registration Logout'), { code: -31999 });
  }),
  'meets -31997 while the device starts': async () => {
    await trick('reboot', { seconds: 3 });
    const codes = new Set();
    for (const end = Date.now() + WAIT_MS; Date.now() < end; await sleep(50)) {
      try {
        await connected({}, (xapi) => xapi.status.get(VOLUME));
        assert.ok(codes.has(-31997), `met ${[...codes].join(', ')} only`);
        return;
      } catch (error) {
        if (error instanceof assert.AssertionError) throw error;
        codes.add(error.code ?? error.message);
      }
    }
    throw new Error('the device did not come up again');
  },
  'is told of the end': () => connected({}, async (xapi) => {
    const ended = new Promise((resolve) => { xapi.on('error', resolve); });
    await trick('cut');
    assert.equal(await ended, 'WebSocket closed unexpectedly');
  }),
};

let failed = 0;
for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
    console.log(`PASS jsxapi ${places.scheme}: ${name}`);
  } catch (error) {
    failed += 1;
    const words = error instanceof Error ? error.message : JSON.stringify(error);
    console.log(`FAIL jsxapi ${places.scheme}: ${name}: ${words}`);
  }
}
process.exit(failed ? 1 : 0);
