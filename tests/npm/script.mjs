// Calls the fake workspace through Slack's own client for Node.js, and says what it made of the answers.
// run.py starts the server and judges what stands in the workspace afterwards.
import assert from "node:assert/strict";
import { ErrorCode, LogLevel, WebClient } from "@slack/web-api";

const web = new WebClient(process.env.SLACK_TOKEN, {
  slackApiUrl: process.env.SLACK_URL,
  retryConfig: { retries: 0 },
  logLevel: LogLevel.ERROR,
  rejectRateLimitedCalls: true,
  // Without it the client would send an absolute upload address through its own base URL.
  allowAbsoluteUrls: true,
});

let calls = 0;
async function call(method, options = {}) {
  const answer = await method.split(".").reduce((at, name) => at[name], web)(options);
  assert.equal(answer.ok, true, method);
  calls += 1;
  return answer;
}
async function refused(method, options, code) {
  await assert.rejects(
    method.split(".").reduce((at, name) => at[name], web)(options),
    (error) => error.code === ErrorCode.PlatformError && error.data.error === code,
    `${method} should be refused with ${code}`,
  );
  calls += 1;
}

const { ann, bob, group } = JSON.parse(process.env.SLACK_PEOPLE);

const me = await call("auth.test");
assert.ok(me.response_metadata.scopes.includes("chat:write"));
assert.ok(Array.isArray(me.response_metadata.acceptedScopes));
await call("api.test", { foo: "bar" });

const room = (await call("conversations.create", { name: "inc-7" })).channel.id;
await call("conversations.setTopic", { channel: room, topic: "Down" });
await call("conversations.setPurpose", { channel: room, purpose: "Writes fail" });
await call("conversations.invite", { channel: room, users: `${ann},${bob}` });
assert.deepEqual((await call("conversations.members", { channel: room })).members.length, 3);
assert.equal((await call("conversations.info", { channel: room, include_num_members: true })).channel.num_members, 3);
await call("conversations.rename", { channel: room, name: "inc-7-writes" });
assert.equal((await call("conversations.join", { channel: room })).warning, "already_in_channel");

const first = await call("chat.postMessage", {
  channel: room,
  text: "SEV1",
  blocks: [{ type: "section", text: { type: "mrkdwn", text: "*SEV1* <@" + ann + ">" } }],
  metadata: { event_type: "incident", event_payload: { id: "7" } },
});
const ts = first.ts;
const reply = await call("chat.postMessage", { channel: room, text: "looking", thread_ts: ts, reply_broadcast: true });
await call("chat.update", { channel: room, ts, text: "SEV2", blocks: [] });
assert.ok((await call("chat.getPermalink", { channel: room, message_ts: ts })).permalink.includes(room));
await call("chat.postEphemeral", { channel: room, user: ann, text: "only you" });
await call("chat.meMessage", { channel: room, text: "waits" });
const later = await call("chat.scheduleMessage", {
  channel: room, text: "later", post_at: Number(process.env.SLACK_NOW) + 3600,
});
assert.equal((await call("chat.scheduledMessages.list", { channel: room })).scheduled_messages.length, 1);
await call("chat.deleteScheduledMessage", { channel: room, scheduled_message_id: later.scheduled_message_id });

await call("reactions.add", { channel: room, timestamp: ts, name: "eyes" });
assert.equal((await call("reactions.get", { channel: room, timestamp: ts, full: true })).message.reactions[0].name, "eyes");
await refused("reactions.add", { channel: room, timestamp: ts, name: "eyes" }, "already_reacted");
await call("reactions.remove", { channel: room, timestamp: ts, name: "eyes" });
await call("pins.add", { channel: room, timestamp: ts });
assert.equal((await call("pins.list", { channel: room })).items.length, 1);
await call("pins.remove", { channel: room, timestamp: ts });
const bookmark = (await call("bookmarks.add", {
  channel_id: room, title: "Board", type: "link", link: "https://example.com",
})).bookmark.id;
await call("bookmarks.edit", { channel_id: room, bookmark_id: bookmark, title: "Graphs" });
assert.equal((await call("bookmarks.list", { channel_id: room })).bookmarks[0].title, "Graphs");
await call("bookmarks.remove", { channel_id: room, bookmark_id: bookmark });

const history = await call("conversations.history", { channel: room, limit: 50, include_all_metadata: true });
assert.equal(history.messages.at(-1).metadata ?? null, null); // the system line of the first member
assert.ok(history.messages.some((message) => message.metadata?.event_payload.id === "7"));
assert.deepEqual(
  (await call("conversations.replies", { channel: room, ts })).messages.map((message) => message.ts), [ts, reply.ts],
);

assert.equal((await call("users.info", { user: ann })).user.id, ann);
assert.equal((await call("users.lookupByEmail", { email: "ann@example.com" })).user.id, ann);
assert.ok((await call("users.list", { limit: 200 })).members.length >= 3);
assert.ok((await call("users.conversations", { types: "public_channel" })).channels.some((each) => each.id === room));
assert.equal((await call("usergroups.list", { include_users: true })).usergroups[0].id, group);
assert.deepEqual((await call("usergroups.users.list", { usergroup: group })).users, [ann]);
await call("usergroups.users.update", { usergroup: group, users: bob });

// Pages, by the client's own iterator.
let pages = 0;
const names = new Set();
for await (const page of web.paginate("conversations.list", { limit: 5, types: "public_channel" })) {
  pages += 1;
  calls += 1;
  for (const channel of page.channels) names.add(channel.name);
}
assert.ok(pages >= 3 && names.has("inc-7-writes") && names.size >= 12, `${pages} pages, ${names.size} names`);

const direct = (await call("conversations.open", { users: `${ann},${bob}` })).channel.id;
await call("chat.postMessage", { channel: direct, text: "both of you" });
await call("chat.postMessage", { channel: ann, text: "you" });

const uploaded = await web.files.uploadV2({
  channel_id: room, thread_ts: ts, file: Buffer.from("a,b\n1,2\n"), filename: "errors.csv", initial_comment: "Errors",
});
assert.equal(uploaded.ok, true);
calls += 2;
const canvas = (await call("canvases.create", {
  title: "Lessons", document_content: { type: "markdown", markdown: "# Lessons" },
})).canvas_id;
await call("canvases.edit", {
  canvas_id: canvas,
  changes: [{ operation: "insert_at_end", document_content: { type: "markdown", markdown: "* test it" } }],
});
await call("canvases.access.set", { canvas_id: canvas, access_level: "read", channel_ids: [room] });
await call("conversations.canvases.create", {
  channel_id: room, document_content: { type: "markdown", markdown: "x" },
});

await refused("chat.postMessage", { channel: "C0NOWHERE0", text: "x" }, "channel_not_found");
await refused("conversations.create", { name: "inc-7-writes" }, "name_taken");
await refused("chat.update", { channel: room, ts: "1.000000", text: "x" }, "message_not_found");
await refused("users.lookupByEmail", { email: "nobody@example.com" }, "users_not_found");

// What the fake does not know is no answer of Slack's.
await assert.rejects(web.team.info(), (error) => error.code === ErrorCode.HTTPError && error.statusCode === 501);
// run.py ordered this one to be limited.
await assert.rejects(web.chat.postMessage({ channel: room, text: "limited" }), (error) => {
  assert.equal(error.code, ErrorCode.RateLimitedError);
  assert.equal(error.retryAfter, 7);
  return true;
});
calls += 1;

await call("conversations.kick", { channel: room, user: bob });
await call("chat.delete", { channel: room, ts: reply.ts });
await call("conversations.close", { channel: direct });
await call("conversations.archive", { channel: room });
await refused("chat.postMessage", { channel: room, text: "x" }, "is_archived");

console.log(JSON.stringify({ calls, room, ts, canvas }));
