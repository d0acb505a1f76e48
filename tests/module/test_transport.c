/* Streams that a transport carries, and those that we open (net.h). */
#include <netinet/in.h>
#include <sys/socket.h>

#include "carried.h"

/* ------------------------------------------------------------ tests: for each of both kinds */

static struct wire wire;

static void live_and_close(bool is_framed)
{
	log_in(&wire, is_framed);
	assert_non_null(bound());
	assert_true(bound()->conn != 0);
	assert_ptr_equal(pc_session_stream(bound()), wire.s);
	ping(&wire, "one");
	say(&wire, end[is_framed]);
	await(&wire, end[is_framed]);
	await_closed(&wire);
	assert_null(bound());
	assert_int_equal(pc__streams_count(), 0);
}

static void test_live_and_close(void **state)
{
	(void)state;
	live_and_close(false);
	live_and_close(true);
}

/* The server's end tag waits for the peer's, and not for ever. */
static void test_server_closes(void **state)
{
	(void)state;
	for (int is_framed = 0; is_framed <= 1; is_framed++) {
		log_in(&wire, is_framed);
		pc_session_close(bound(), NULL, NULL);
		await(&wire, end[is_framed]);
		assert_int_equal(wire.closed, 0);
		assert_int_equal(say(&wire, "<presence xmlns='jabber:client'/>"), PC_OK);
		if (is_framed)
			say(&wire, end[is_framed]);
		await_closed(&wire);
		assert_int_equal(pc__streams_count(), 0);
	}
}

static void test_abort(void **state)
{
	(void)state;
	log_in(&wire, false);
	pc_stream_abort(wire.s, "for a reason");
	assert_int_equal(wire.closed, 0); /* whoever holds a pointer may use it until he returns */
	assert_int_equal(say(&wire, "<presence/>"), PC_ECANCELED);
	assert_int_equal(pc_stream_write(wire.s, " ", 1), PC_ECANCELED);
	await_closed(&wire);
	assert_string_equal(wire.sent, "");
	assert_null(bound());
	assert_int_equal(pc__streams_count(), 0);
}

static pc_result keep(pc_event *ev, void *data)
{
	(void)ev;
	++*(int *)data;
	return PC_HANDLED;
}

/* As a broken connection: who keeps sessions is asked. */
static void test_lost(void **state)
{
	pc_module keeper = *m;
	static int asked;

	(void)state;
	keeper.host = pc_host_find("localhost");
	keeper.owned = NULL;
	keeper.data = &asked;
	pc_hook(&keeper, "pre-resource-unbind", keep, 0);
	pc__hooks_go(&keeper);
	log_in(&wire, true);
	pc_stream_lost(wire.s, "broken");
	await_closed(&wire);
	turn();
	assert_int_equal(asked, 1);
	assert_non_null(bound());
	assert_int_equal(bound()->conn, 0);
	assert_null(pc_session_stream(bound()));
	pc_unhook(&keeper, "pre-resource-unbind", keep);
	pc_session_destroy(bound(), NULL);
	turn();
	assert_null(bound());
}

/* Whatever comes at once is handled in order, across the changes of protocol. */
static void test_all_at_once(void **state)
{
	(void)state;
	new_stream(&wire, &framed);
	char *all = pc__printf("%s<auth xmlns='" SASL "' mechanism='PLAIN'>AGEAc2VjcmV0</auth>%s"
	                       "<iq xmlns='jabber:client' type='set' id='b'><bind "
	                       "xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>%s",
	                       header[1], header[1], end[1]);

	assert_int_equal(say(&wire, all), PC_EBUSY);
	free(all);
	await(&wire, "<success ");
	await(&wire, "<jid>a@localhost/");
	await(&wire, end[1]);
	await_closed(&wire);
	assert_int_equal(wire.ready, 0); /* the end was among it */
}

static void test_ready(void **state)
{
	char *both = pc__printf("<auth xmlns='" SASL "' mechanism='PLAIN'>AGEAc2VjcmV0</auth>%s",
	                        header[0]);

	(void)state;
	new_stream(&wire, &plain);
	open_stream(&wire, false);
	assert_int_equal(say(&wire, both), PC_EBUSY);
	free(both);
	await(&wire, "<success ");
	await(&wire, "</stream:features>");
	assert_int_equal(wire.ready, 1);
	pc_stream_abort(wire.s, "done");
	await_closed(&wire);
}

/* A transport that does not heed PC_EBUSY cannot make the server keep more and more. */
static void test_backlog_is_bounded(void **state)
{
	static char more[8192];
	int err = PC_EBUSY;

	(void)state;
	memset(more, ' ', sizeof(more) - 1);
	new_stream(&wire, &plain);
	open_stream(&wire, false);
	say(&wire, "<auth xmlns='" SASL "' mechanism='PLAIN'>AGEAc2VjcmV0</auth>");
	for (int i = 0; i < 20 && err == PC_EBUSY; i++)
		err = say(&wire, more);
	assert_int_equal(err, PC_ECANCELED);
	await(&wire, "<policy-violation ");
	await_closed(&wire);
}

static void refused(bool is_framed, bool opened, const char *text, const char *condition)
{
	new_stream(&wire, is_framed ? &framed : &plain);
	if (opened)
		open_stream(&wire, is_framed);
	say(&wire, text);
	if (!opened)
		await(&wire, tag_of_header[is_framed]);
	await(&wire, condition);
	await(&wire, end[is_framed]);
	await_closed(&wire);
	assert_string_equal(wire.sent, "");
	assert_int_equal(pc__streams_count(), 0);
}

static void test_refusals(void **state)
{
	(void)state;
	refused(true, true, "<open xmlns='" FRAMING "' to='localhost' version='1.0'/>",
	        "<bad-format ");
	refused(true, false, "<message xmlns='jabber:client'/>", "<bad-format ");
	refused(true, false, "<open xmlns='" FRAMING "' to='elsewhere' version='1.0'/>",
	        "<host-unknown ");
	refused(true, true, "</stream:stream>", "<not-well-formed ");
	refused(true, true, "<message/>", "<invalid-namespace ");
	refused(true, true, "<message xmlns='jabber:server'/>", "<invalid-namespace ");
	refused(false, true, "<message xmlns='jabber:server'/>", "<invalid-namespace ");
	refused(false, true, "<message xmlns=''/>", "<invalid-namespace ");
	refused(true, true, "<message xmlns='jabber:client'/>", "<not-authorized ");
	refused(true, true, "<!-- no --><a xmlns='b'/>", "<restricted-xml ");
	refused(false, false, "<nonsense>", "<invalid-namespace ");
	refused(false, true, "<a></b>", "<not-well-formed ");
}

/* TLS belongs to the transport. */
static void test_no_starttls(void **state)
{
	(void)state;
	memset(&wire, 0, sizeof(wire));
	wire.s = pc_stream_new(m, clients, "192.0.2.1", false, &framed, &wire);
	say(&wire, header[1]);
	await(&wire, "<stream:features");
	assert_null(strstr(wire.sent, "starttls"));
	say(&wire, "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
	await(&wire, "<failure ");
	await(&wire, end[1]);
	await_closed(&wire);
}

static void test_all_end_at_a_stop(void **state)
{
	(void)state;
	log_in(&wire, true);
	pc__streams_close_all("system-shutdown");
	await(&wire, "<system-shutdown ");
	await_closed(&wire);
	assert_int_equal(pc__streams_count_xmpp(), 0);
}

static void on_written(int err, void *data)
{
	*(int *)data = err;
}

static void test_written(void **state)
{
	int err = 1;

	(void)state;
	log_in(&wire, false);
	pc_session_written(m, bound(), on_written, &err);
	assert_int_equal(err, 1);
	turns_while(&err, 1);
	assert_int_equal(err, PC_OK);
	pc_stream_abort(wire.s, "done");
	await_closed(&wire);
}

/* One that is replaced keeps what it has; an unloaded one is told of the end at once, for
 * afterwards nothing of it may be called. */
static void test_module_goes(void **state)
{
	(void)state;
	log_in(&wire, true);
	end_module(PC__RETIRED);
	ping(&wire, "still");
	say(&wire, end[1]);
	await_closed(&wire);
	new_module();
	log_in(&wire, true);
	end_module(PC__DEAD);
	assert_int_equal(wire.closed, 1);
	assert_non_null(strstr(wire.sent, "<system-shutdown "));
	for (int i = 0; pc__streams_count() > 0 && i < TURNS_MOST; i++)
		turn();
	assert_int_equal(pc__streams_count(), 0);
	assert_int_equal(wire.closed, 1);
	new_module();
}

/* ------------------------------------------------------------ streams that we open */

static int closes, opens;

static pc_stream *line;

static void on_opened(pc_stream *s)
{
	assert_ptr_equal(s, line);
	opens++;
}

static void on_closed(pc_stream *s, const char *reason)
{
	line = NULL;
	assert_string_equal(pc_module_name(pc_stream_module(s)), "websocket");
	assert_non_null(reason);
	closes++;
}

static const pc_stream_class dialled = { .size = sizeof(pc_stream_class),
	                                 .name = "dialled",
	                                 .framing = PC_FRAMING_RAW,
	                                 .opened = on_opened,
	                                 .closed = on_closed };

/* Nobody listens there: they end by themselves, whatever became of the module meanwhile. */
static void connect_and_end(enum pc__module_state how)
{
	const pc_connect_args args = { .class = &dialled, .address = "127.0.0.1", .port = 1 };

	closes = 0;
	assert_non_null(pc_connect(m, &args));
	end_module(how);
	for (int i = 0; pc__streams_count() > 0 && i < TURNS_MOST; i++)
		turn();
	assert_int_equal(pc__streams_count(), 0);
	new_module();
}

static void test_connected_and_the_module_goes(void **state)
{
	(void)state;
	connect_and_end(PC__RETIRED);
	assert_int_equal(closes, 1);
	connect_and_end(PC__DEAD);
	assert_int_equal(closes, 0);
}

static int dials;

/* The connection that is made here gets the number of the one that has gone. */
static void on_closed_dial_again(pc_stream *s, const char *reason)
{
	static const pc_stream_class again = { .size = sizeof(pc_stream_class),
		                               .name = "again",
		                               .framing = PC_FRAMING_RAW,
		                               .closed = on_closed_dial_again };

	(void)reason;
	if (++dials < 5)
		assert_non_null(pc_connect(
		        pc_stream_module(s),
		        &(pc_connect_args){ .class = &again, .address = "127.0.0.1", .port = 1 }));
}

static void test_connect_when_closed(void **state)
{
	static const pc_stream_class first = { .size = sizeof(pc_stream_class),
		                               .name = "first",
		                               .framing = PC_FRAMING_RAW,
		                               .closed = on_closed_dial_again };
	const pc_connect_args args = { .class = &first, .address = "127.0.0.1", .port = 1 };

	(void)state;
	dials = 0;
	assert_non_null(pc_connect(m, &args));
	for (int i = 0; pc__streams_count() > 0 && i < TURNS_MOST; i++)
		turn();
	assert_int_equal(dials, 5);
	assert_int_equal(pc__streams_count(), 0);
}

/* A port of loopback that takes connections and leaves them alone. */
static int listen_somewhere(uint16_t *port_r)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	*port_r = ntohs(address.sin_port);
	return fd;
}

static void send_by_line(void *t, const void *bytes, size_t len)
{
	on_send(t, bytes, len);
	pc_stream_write(line, bytes, len);
}

static pc_stream *by_line(void *t)
{
	(void)t;
	return line;
}

/* What was written has left when its carrier says so, and not before; with it, it is lost. */
static void test_carrier(void **state)
{
	static const pc_transport carried = { .size = sizeof(pc_transport),
		                              .send = send_by_line,
		                              .close = on_close,
		                              .carrier = by_line };
	pc_connect_args args = { .class = &dialled, .address = "127.0.0.1" };
	int fd = listen_somewhere(&args.port), err = 1;

	(void)state;
	closes = opens = 0;
	line = pc_connect(m, &args);
	turns_while(&opens, 0);
	assert_int_equal(opens, 1);
	log_in_by(&wire, &carried);
	pc_session_written(m, bound(), on_written, &err);
	turns_while(&err, 1);
	assert_int_equal(err, PC_OK);
	assert_false(pc_stream_lags(wire.s));
	err = 1;
	pc_session_written(m, bound(), on_written, &err);
	pc_stream_abort(line, "cut");
	turns_while(&closes, 0);
	assert_int_equal(err, PC_ECANCELED);
	pc_stream_lost(wire.s, "cut");
	await_closed(&wire);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_live_and_close),
		cmocka_unit_test(test_server_closes),
		cmocka_unit_test(test_abort),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_all_at_once),
		cmocka_unit_test(test_ready),
		cmocka_unit_test(test_backlog_is_bounded),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_no_starttls),
		cmocka_unit_test(test_all_end_at_a_stop),
		cmocka_unit_test(test_written),
		cmocka_unit_test(test_module_goes),
		cmocka_unit_test(test_connected_and_the_module_goes),
		cmocka_unit_test(test_connect_when_closed),
		cmocka_unit_test(test_carrier),
	};

	return cmocka_run_group_tests(tests, open_world, close_world);
}
