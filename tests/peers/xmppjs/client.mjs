// client.mjs MODULE SERVICE DOMAIN USER PASSWORD - a client of xmpp.js that is told what to do by lines of
// JSON, and says by lines of JSON what happens.
import { createInterface } from "node:readline";

const [module, service, domain, username, password] = process.argv.slice(2);
const { client, xml } = await import(module);
const x = client({ service, domain, username, password });
const say = (event, more = {}) => console.log(JSON.stringify({ event, ...more }));

x.reconnect.delay = 50;
x.on("error", (error) => say("error", { text: String(error), condition: error.condition }));
x.on("online", (jid) => say("online", { jid: String(jid) }));
x.on("offline", () => say("offline"));
x.on("disconnect", () => say("disconnect"));
x.streamManagement.on("resumed", () => say("resumed", { jid: String(x.jid) }));
x.streamManagement.on("ack", (stanza) => say("ack", { body: stanza.getChildText("body") }));
x.on("send", (element) => {
	if (element.is("authenticate") || element.is("auth")) {
		say("authenticates", { mechanism: element.attrs.mechanism, ns: element.getNS(), names: element.getChildElements().map((e) => e.name) });
	}
});
x.on("stanza", (stanza) => {
	const { from, type, id } = stanza.attrs;
	say(stanza.name, { from, type, id, body: stanza.getChildText("body") });
});

const orders = {
	send: ({ to, body }) => x.send(xml("message", { type: "chat", to }, xml("body", {}, body))),
	presence: () => x.send(xml("presence")),
	ping: async () => {
		await x.iqCaller.get(xml("ping", "urn:xmpp:ping"), domain);
		say("pong");
	},
	cut: () => (x.socket.socket ?? x.socket).destroy(),
	forget: () => { x.streamManagement.id = ""; },
	stop: () => x.stop(),
};

createInterface({ input: process.stdin }).on("line", async (line) => {
	const { order, ...more } = JSON.parse(line);
	await orders[order](more);
}).on("close", () => process.exit());
await x.start().catch(() => {});
