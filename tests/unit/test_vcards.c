#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib_disco/ver.h"
#include "mod_vcard_legacy/convert.h"

static pc_stanza *parse(const char *text)
{
	pc_stanza *st = pc_stanza_parse(text, strlen(text));

	assert_non_null(st);
	return st;
}

static void assert_written(pc_stanza **st, const char *wanted)
{
	char *text = pc_stanza_write(*st, NULL);

	assert_string_equal(text, wanted);
	free(text);
	pc_stanza_free(st);
}

/* ------------------------------------------------------------ vCards */

static void old_to_new(void **state)
{
	pc_stanza *old = parse("<vCard xmlns='vcard-temp'><FN>A</FN><FN/><N><FAMILY>B</FAMILY></N>"
	                       "<TEL><HOME/><NUMBER>+1</NUMBER></TEL><TEL><HOME/></TEL>"
	                       "<PHOTO><BINVAL>AAAA</BINVAL></PHOTO><UNKNOWN>x</UNKNOWN></vCard>");
	pc_stanza *new = pc_stanza_new("vcard", NS_NEW);

	(void)state;
	convert_to_new(old, new);
	assert_written(&new,
	               "<vcard xmlns='" NS_NEW "'><fn><text>A</text></fn><n><surname>B</surname>"
	               "</n><tel><parameters><type><text>home</text></type></parameters>"
	               "<text>+1</text></tel></vcard>");
	pc_stanza_free(&old);
}

static void new_to_old(void **state)
{
	pc_stanza *new =
	        parse("<vcard xmlns='" NS_NEW "'><tel><parameters><type><text>CELL</text>"
	              "<text>odd</text></type></parameters><uri>tel:+2</uri></tel>"
	              "<impp><uri>xmpp:a@b</uri></impp><org><text>O</text><text>U</text></org>"
	              "<photo><uri>x</uri></photo></vcard>");
	pc_stanza *old = pc_stanza_new("vCard", NS_OLD);

	(void)state;
	convert_to_old(new, old);
	assert_written(&old, "<vCard xmlns='vcard-temp'><TEL><CELL/><NUMBER>+2</NUMBER></TEL>"
	                     "<JABBERID>a@b</JABBERID><ORG><ORGNAME>O</ORGNAME><ORGUNIT>U</ORGUNIT>"
	                     "</ORG></vCard>");
	pc_stanza_free(&new);
}

static int photo(const char *inner, char hash[static HASH_SIZE], pc_stanza **data,
                 pc_stanza **metadata)
{
	char text[512];
	pc_stanza *card;
	int err;

	snprintf(text, sizeof(text), "<vCard xmlns='vcard-temp'>%s</vCard>", inner);
	card = parse(text);
	err = convert_photo(card, hash, data, metadata);
	pc_stanza_free(&card);
	return err;
}

static void photos(void **state)
{
	char hash[HASH_SIZE];
	pc_stanza *data, *metadata;

	(void)state;
	assert_int_equal(photo("", hash, &data, &metadata), PC_ENOENT);
	assert_int_equal(photo("<PHOTO><EXTVAL>x</EXTVAL></PHOTO>", hash, &data, &metadata),
	                 PC_ENOENT);
	assert_int_equal(photo("<PHOTO><BINVAL>?</BINVAL></PHOTO>", hash, &data, &metadata),
	                 PC_EINVAL);
	assert_null(data);
	assert_int_equal(photo("<PHOTO><BINVAL> YW\nJj </BINVAL></PHOTO>", hash, &data, &metadata),
	                 PC_OK);
	assert_string_equal(hash, "a9993e364706816aba3e25717850c26c9cd0d89d"); /* of "abc" */
	assert_written(&data, "<data xmlns='" NS_DATA "'>YWJj</data>");
	assert_written(&metadata, "<metadata xmlns='" NS_METADATA "'><info bytes='3'"
	                          " id='a9993e364706816aba3e25717850c26c9cd0d89d'"
	                          " type='image/png'/></metadata>");
}

static void metadata_choice(void **state)
{
	static const char good[] = "a9993e364706816aba3e25717850c26c9cd0d89d";
	pc_stanza *st =
	        parse("<metadata xmlns='" NS_METADATA "'><info id='short' type='a'/>"
	              "<info id='0000000000000000000000000000000000000000' url='http://x'/>"
	              "<info id='a9993e364706816aba3e25717850c26c9cd0d89d' type='b'/></metadata>");
	char hash[HASH_SIZE];
	const char *type;

	(void)state;
	convert_metadata(st, hash, &type);
	assert_string_equal(hash, good);
	assert_string_equal(type, "b");
	pc_stanza_free(&st);
	st = parse("<metadata xmlns='" NS_METADATA "'/>");
	convert_metadata(st, hash, &type);
	assert_string_equal(hash, "");
	pc_stanza_free(&st);
}

/* ------------------------------------------------------------ capabilities */

/* The examples of XEP-0115 sections 5.2 and 5.3. */
static void capabilities(void **state)
{
	static const char info[] = "http://jabber.org/protocol/disco#info";
	char query[2048], ver[VER_SIZE];
	pc_stanza *st;
	char *text;

	(void)state;
	snprintf(query, sizeof(query),
	         "<query xmlns='%s'><identity category='client' name='Exodus 0.9.1' type='pc'/>"
	         "<feature var='http://jabber.org/protocol/caps'/>"
	         "<feature var='http://jabber.org/protocol/disco#items'/>"
	         "<feature var='http://jabber.org/protocol/disco#info'/>"
	         "<feature var='http://jabber.org/protocol/muc'/></query>",
	         info);
	st = parse(query);
	text = ver_text(st);
	assert_int_equal(ver_digest(text, "sha-1", ver), PC_OK);
	assert_string_equal(ver, "QgayPKawpkPSDYmwT/WM94uAlu0=");
	assert_int_equal(ver_digest(text, "md17", ver), PC_ENOTSUP);
	free(text);
	pc_stanza_free(&st);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(old_to_new),   cmocka_unit_test(new_to_old),
		cmocka_unit_test(photos),       cmocka_unit_test(metadata_choice),
		cmocka_unit_test(capabilities),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
