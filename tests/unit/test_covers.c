#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib_disco/covers.h"

#define PUBSUB "http://jabber.org/protocol/pubsub"

static void features(void **state)
{
	(void)state;
	assert_true(covers_feature(PUBSUB, PUBSUB));
	assert_true(covers_feature(PUBSUB, PUBSUB "#publish"));
	assert_true(covers_feature(PUBSUB, PUBSUB "#"));
	assert_false(covers_feature(PUBSUB, PUBSUB "x"));
	assert_false(covers_feature(PUBSUB "#owner", PUBSUB "#publish"));
	assert_false(covers_feature(PUBSUB "#owner", PUBSUB));
	assert_false(covers_feature(PUBSUB, ""));
	assert_true(covers_feature("urn:xmpp:mam:2", "urn:xmpp:mam:2#extended"));
	assert_false(covers_feature("urn:xmpp:mam:2", "urn:xmpp:mam:20"));
}

static void identities(void **state)
{
	(void)state;
	assert_true(covers_identity(PUBSUB, "pubsub"));
	assert_false(covers_identity(PUBSUB, "server"));
	assert_false(covers_identity(PUBSUB "#owner", "pubsub"));
	assert_false(covers_identity("urn:xmpp:mam:2", "urn:xmpp:mam:2"));
	assert_false(covers_identity(PUBSUB "/", "pubsub"));
}

static bool covers(const char *ns, const char *text)
{
	pc_stanza *st = pc_stanza_parse(text, strlen(text));
	bool is;

	assert_non_null(st);
	is = covers_child(ns, st);
	pc_stanza_free(&st);
	return is;
}

static void children(void **state)
{
	(void)state;
	assert_true(covers(PUBSUB, "<feature var='" PUBSUB "#publish'/>"));
	assert_false(covers(PUBSUB, "<feature/>"));
	assert_true(covers(PUBSUB, "<identity category='pubsub' type='pep'/>"));
	assert_false(covers(PUBSUB, "<identity type='pep'/>"));
	assert_false(covers(PUBSUB, "<other var='" PUBSUB "'/>"));
}

#define FORM(value)                                                                                \
	"<x xmlns='jabber:x:data' type='result'><field var='a'><value>" PUBSUB                     \
	"</value></field><field var='FORM_TYPE' type='hidden'>" value "</field></x>"

static void forms(void **state)
{
	(void)state;
	assert_true(covers(PUBSUB, FORM("<value>" PUBSUB "#meta-data</value>")));
	assert_false(covers(PUBSUB, FORM("<value>urn:example</value>")));
	assert_false(covers(PUBSUB, FORM("")));
	assert_false(covers(PUBSUB, "<x xmlns='jabber:x:data'/>"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(features),
		cmocka_unit_test(identities),
		cmocka_unit_test(children),
		cmocka_unit_test(forms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
