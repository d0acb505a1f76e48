#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <prosody-c/codec.h>

#include "lib_pubsub/access.h"
#include "lib_pubsub/node.h"

static const struct limits limits = { .max_items = 256, .max_payload = 10000, .presence = true };
static const struct limits plain = { .max_items = 256, .max_payload = 10000 };

/* ------------------------------------------------------------ who may do what */

#define YES REFUSE_NOT
#define NO REFUSE_FORBIDDEN

/* Each affiliation at a node of each access model, that neither presence, group nor subscription
 * opens: read, subscribe, publish, own. */
static void affiliations(void **state)
{
	static const struct {
		enum affiliation what;
		enum refusal publish, own, read[5], subscribe[5];
	} table[] = {
		{ AFFILIATION_NONE,
		  NO,
		  NO,
		  { YES, REFUSE_PRESENCE_REQUIRED, REFUSE_NOT_IN_GROUP, REFUSE_NOT_SUBSCRIBED,
		    REFUSE_CLOSED_NODE },
		  { YES, REFUSE_PRESENCE_REQUIRED, REFUSE_NOT_IN_GROUP, YES, REFUSE_CLOSED_NODE } },
		{ AFFILIATION_OUTCAST, NO, NO, { NO, NO, NO, NO, NO }, { NO, NO, NO, NO, NO } },
		{ AFFILIATION_MEMBER,
		  NO,
		  NO,
		  { YES, YES, YES, YES, YES },
		  { YES, YES, YES, YES, YES } },
		{ AFFILIATION_PUBLISH_ONLY,
		  YES,
		  NO,
		  { NO, NO, NO, NO, NO },
		  { NO, NO, NO, NO, NO } },
		{ AFFILIATION_PUBLISHER,
		  YES,
		  NO,
		  { YES, YES, YES, YES, YES },
		  { YES, YES, YES, YES, YES } },
		{ AFFILIATION_OWNER,
		  YES,
		  YES,
		  { YES, YES, YES, YES, YES },
		  { YES, YES, YES, YES, YES } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		for (int access = ACCESS_OPEN; access <= ACCESS_WHITELIST; access++) {
			struct config c = { .access = access, .subscribe = true };
			struct standing who = { .affiliation = table[i].what };

			assert_int_equal(access_check(&c, &who, ACTION_READ),
			                 table[i].read[access]);
			assert_int_equal(access_check(&c, &who, ACTION_SUBSCRIBE),
			                 table[i].subscribe[access]);
			assert_int_equal(access_check(&c, &who, ACTION_PUBLISH), table[i].publish);
			assert_int_equal(access_check(&c, &who, ACTION_RETRACT), table[i].publish);
			assert_int_equal(access_check(&c, &who, ACTION_OWN), table[i].own);
		}
}

static void models(void **state)
{
	struct config c = { .subscribe = true };
	struct standing who = { .sees_presence = true };

	(void)state;
	c.access = ACCESS_PRESENCE;
	assert_int_equal(access_check(&c, &who, ACTION_READ), YES);
	c.access = ACCESS_ROSTER;
	assert_int_equal(access_check(&c, &who, ACTION_READ), REFUSE_NOT_IN_GROUP);
	who.in_group = true;
	assert_int_equal(access_check(&c, &who, ACTION_READ), YES);
	c.access = ACCESS_AUTHORIZE;
	who.pending = true;
	assert_int_equal(access_check(&c, &who, ACTION_READ), REFUSE_PENDING);
	who.pending = false;
	who.subscribed = true;
	assert_int_equal(access_check(&c, &who, ACTION_READ), YES);
	assert_int_equal(access_check(&c, &who, ACTION_PUBLISH), NO);
	c.publish = PUBLISH_SUBSCRIBERS;
	assert_int_equal(access_check(&c, &who, ACTION_PUBLISH), YES);
	who.subscribed = false;
	assert_int_equal(access_check(&c, &who, ACTION_PUBLISH), NO);
	c.publish = PUBLISH_OPEN;
	assert_int_equal(access_check(&c, &who, ACTION_PUBLISH), YES);
	who.affiliation = AFFILIATION_OUTCAST;
	assert_int_equal(access_check(&c, &who, ACTION_PUBLISH), NO);
	who.affiliation = AFFILIATION_OWNER;
	c.subscribe = false;
	assert_int_equal(access_check(&c, &who, ACTION_SUBSCRIBE), REFUSE_UNSUPPORTED_SUBSCRIBE);
}

static void names(void **state)
{
	(void)state;
	for (int i = 0; i < AFFILIATIONS; i++)
		assert_int_equal(affiliation_find(affiliation_name((enum affiliation)i)), i);
	assert_int_equal(affiliation_find("king"), -1);
	assert_int_equal(affiliation_find(NULL), -1);
}

/* ------------------------------------------------------------ settings */

static pc_stanza *form(const char *inner)
{
	char text[8192];

	snprintf(text, sizeof(text), "<x xmlns='jabber:x:data' type='submit'>%s</x>", inner);
	return pc_stanza_parse(text, strlen(text));
}

#define FIELD(var, value) "<field var='pubsub#" var "'><value>" value "</value></field>"
#define TYPE(type) "<field var='FORM_TYPE'><value>" type "</value></field>"

static int take(struct config *c, const char *inner, const struct limits *l, enum config_mode mode)
{
	char why[CONFIG_WHY];
	pc_stanza *x = form(inner);
	int err = config_read(c, x, l, mode, why);

	assert_true((err == PC_OK) == (*why == '\0'));
	pc_stanza_free(&x);
	return err;
}

static void settings(void **state)
{
	struct config c = { .max_items = 1, .item_expire = CONFIG_MAX, .max_payload = CONFIG_MAX };

	(void)state;
	assert_int_equal(
	        take(&c,
	             TYPE(FORM_CONFIG) FIELD("title", "T") FIELD("access_model", "roster") FIELD(
	                     "persist_items", "true") FIELD("max_items", "max") FIELD("item_expire",
	                                                                              "60")
	                     FIELD("other", "x") "<field var='pubsub#roster_groups_allowed'>"
	                                         "<value>A</value><value>B</value></field>",
	             &limits, CONFIG_CHANGE),
	        PC_OK);
	assert_string_equal(c.title, "T");
	assert_int_equal(c.access, ACCESS_ROSTER);
	assert_true(c.persist);
	assert_int_equal(c.max_items, CONFIG_MAX);
	assert_int_equal(config_max_items(&c, &limits), 256);
	assert_int_equal(c.item_expire, 60);
	assert_int_equal(c.n_groups, 2);
	assert_string_equal(c.groups[1], "B");
	assert_int_equal(take(&c, FIELD("title", "") FIELD("roster_groups_allowed", ""), &limits,
	                      CONFIG_CHANGE),
	                 PC_OK);
	assert_null(c.title);
	assert_int_equal(c.n_groups, 0);
	config_free(&c);
}

static void refused(void **state)
{
	static const struct {
		const char *inner;
		int err;
	} wrong[] = {
		{ FIELD("access_model", "friends"), PC_EINVAL },
		{ FIELD("max_items", "0"), PC_EINVAL },
		{ FIELD("max_items", "-1"), PC_EINVAL },
		{ FIELD("max_items", "1x"), PC_EINVAL },
		{ FIELD("max_items", "9999999999999999999"), PC_EINVAL },
		{ FIELD("max_items", "257"), PC_EINVAL },
		{ FIELD("max_payload_size", "10001"), PC_EINVAL },
		{ FIELD("persist_items", "2"), PC_EINVAL },
		{ FIELD("node_type", "collection"), PC_EINVAL },
		{ TYPE("urn:other"), PC_EINVAL },
	};
	struct config c = { .max_items = 7, .item_expire = CONFIG_MAX, .max_payload = CONFIG_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char inner[512];

		snprintf(inner, sizeof(inner), FIELD("title", "T") "%s", wrong[i].inner);
		assert_int_equal(take(&c, inner, &limits, CONFIG_CHANGE), wrong[i].err);
		assert_null(c.title); /* all or nothing */
	}
	assert_int_equal(take(&c, FIELD("access_model", "presence"), &plain, CONFIG_CHANGE),
	                 PC_ENOTSUP);
	assert_int_equal(take(&c, FIELD("colour", "red"), &limits, CONFIG_OPTIONS), PC_ENOENT);
	assert_int_equal(take(&c, TYPE(FORM_OPTIONS), &limits, CONFIG_OPTIONS), PC_OK);
	assert_int_equal(take(&c, TYPE(FORM_CONFIG), &limits, CONFIG_OPTIONS), PC_EINVAL);
	config_free(&c);
}

/* What was written by another server, or when more was allowed. */
static void stored(void **state)
{
	struct config c = { .access = ACCESS_OPEN, .max_items = 1 };

	(void)state;
	assert_int_equal(take(&c,
	                      FIELD("access_model", "strange") FIELD("max_items", "5000")
	                              FIELD("persist_items", "?") FIELD("title", "T"),
	                      &limits, CONFIG_STORED),
	                 PC_OK);
	assert_int_equal(c.access, ACCESS_WHITELIST);
	assert_int_equal(c.max_items, 5000);
	assert_int_equal(config_max_items(&c, &limits), 256);
	assert_string_equal(c.title, "T");
	assert_int_equal(take(&c, FIELD("max_items", "5000"), &limits, CONFIG_CHANGE), PC_OK);
	config_free(&c);
}

static void preconditions(void **state)
{
	struct config c = { .access = ACCESS_WHITELIST,
		            .max_items = CONFIG_MAX,
		            .item_expire = CONFIG_MAX,
		            .max_payload = CONFIG_MAX,
		            .persist = true };
	static const struct {
		const char *inner;
		int err;
	} table[] = {
		{ "", PC_OK },
		{ FIELD("access_model", "whitelist") FIELD("persist_items", "true"), PC_OK },
		{ FIELD("max_items", "max"), PC_OK },
		{ FIELD("max_items", "256"), PC_OK },
		{ FIELD("max_items", "1"), PC_ECONFLICT },
		{ FIELD("access_model", "open"), PC_ECONFLICT },
		{ FIELD("title", "T"), PC_ECONFLICT },
		{ FIELD("roster_groups_allowed", "A"), PC_ECONFLICT },
		{ FIELD("max_items", "300"), PC_EINVAL },
		{ FIELD("colour", "red"), PC_ENOENT },
	};
	char why[CONFIG_WHY];

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		pc_stanza *x = form(table[i].inner);

		assert_int_equal(config_meets(&c, x, &limits, why), table[i].err);
		pc_stanza_free(&x);
	}
	config_free(&c);
}

/* ------------------------------------------------------------ nodes */

static void kept(void **state)
{
	struct config c = { .access = ACCESS_AUTHORIZE,
		            .max_items = CONFIG_MAX,
		            .item_expire = 5,
		            .max_payload = 9,
		            .notify = true },
	              none = { 0 };
	struct node *n, *again;
	size_t len;
	char *text;

	(void)state;
	n = node_new("a & b", &c);
	node_affiliate(n, "x@example.org", AFFILIATION_MEMBER);
	node_affiliate(n, "y@example.org", AFFILIATION_OUTCAST);
	node_affiliate(n, "y@example.org", AFFILIATION_NONE);
	text = node_write(n, &len);
	again = node_read("a & b", text, len, &none, &limits);
	assert_non_null(again);
	assert_int_equal(again->config.access, ACCESS_AUTHORIZE);
	assert_int_equal(again->config.max_items, CONFIG_MAX);
	assert_int_equal(again->config.item_expire, 5);
	assert_true(again->config.notify);
	assert_int_equal(HASH_COUNT(again->affiliated), 1);
	assert_int_equal(node_affiliation(again, "x@example.org", AFFILIATION_NONE),
	                 AFFILIATION_MEMBER);
	assert_int_equal(node_affiliation(again, "y@example.org", AFFILIATION_PUBLISHER),
	                 AFFILIATION_PUBLISHER);
	node_free(n);
	node_free(again);
	free(text);
	assert_null(node_read("n", "<x/>", 4, &none, &limits));
	assert_null(node_read("n", "<pubsub", 7, &none, &limits));
}

static void standing(void **state)
{
	struct config c = { 0 };
	struct node *n = node_new("n", &c);
	struct standing who = { 0 };

	(void)state;
	node_subscribe(n, "a@example.org/x", true);
	node_subscribe(n, "a@example.organic/x", false);
	node_standing(n, "a@example.org", &who);
	assert_true(who.pending && !who.subscribed);
	node_subscribe(n, "a@example.org/y", false);
	node_standing(n, "a@example.org", &who);
	assert_true(!who.pending && who.subscribed);
	node_unsubscribe(n, node_subscription(n, "a@example.org/y"));
	node_subscribe(n, "a@example.org", false);
	node_standing(n, "a@example.org", &who);
	assert_true(!who.pending && who.subscribed);
	node_free(n);
}

static void node_names(void **state)
{
	char long_name[NODE_NAME_MOST + 2];

	(void)state;
	memset(long_name, 'x', sizeof(long_name));
	long_name[NODE_NAME_MOST + 1] = '\0';
	assert_false(node_name_fits(long_name));
	long_name[NODE_NAME_MOST] = '\0';
	assert_true(node_name_fits(long_name));
	assert_true(node_name_fits("urn:xmpp:bookmarks:1"));
	assert_false(node_name_fits(""));
	assert_false(node_name_fits("a\nb"));
}

static void short_ids(void **state)
{
	char a[PC_SHORT_ID_SIZE], b[PC_SHORT_ID_SIZE];

	(void)state;
	pc_short_id("123456789012345678901234567890123456", a);
	assert_string_equal(a, "123456789012345678901234567890123456");
	pc_short_id("1234567890123456789012345678901234567", a);
	assert_int_equal(*a, '#');
	pc_short_id(a, b); /* one that looks as if it was made is not taken for it */
	assert_string_not_equal(a, b);
	pc_short_id("", b);
	assert_int_equal(*b, '#');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(affiliations),  cmocka_unit_test(models),
		cmocka_unit_test(names),         cmocka_unit_test(settings),
		cmocka_unit_test(refused),       cmocka_unit_test(stored),
		cmocka_unit_test(preconditions), cmocka_unit_test(kept),
		cmocka_unit_test(standing),      cmocka_unit_test(node_names),
		cmocka_unit_test(short_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
