/*
 * A client's messages against the SCRAM server, or saved bytes.
 *
 * The first byte chooses: bits 0 and 1 the hash, 2 the -PLUS mechanism, 3 whether -PLUS was
 * offered, 4 saved bytes. Then the first message, a line break, and the final message.
 */
#include <prosody-c/scram.h>

#include "fuzz.h"
#include "util/scram_exchange.h"

static const uint8_t secret[32] = "nobody knows the key to this";

static pc_scram *through_bytes(pc_scram *sc)
{
	size_t len;
	uint8_t *bytes = pc_scram_save(sc, &len);

	pc_scram_free(&sc);
	sc = pc_scram_restore(bytes, len);
	must(sc != NULL);
	free(bytes);
	return sc;
}

static pc_scram *first(pc_scram *sc, const char *msg, size_t len)
{
	char *bytes = copy_exact(msg, len), out[PC_SCRAM_MESSAGE_MAX];
	pc_scram_keys keys = { .hash = sc->hash, .iterations = 10000, .salt_len = 16 };

	if (pc_scram_client_first(sc, bytes, len) == PC_OK) {
		must(pc_scram_username(sc)[0] != '\0');
		must(sc->plus == (pc_scram_binding(sc) != PC_BINDING_NONE));
		sc = through_bytes(sc);
		pc_scram_fake_keys(pc_scram_username(sc), secret, &keys);
		must(pc_scram_server_first(sc, &keys, out) == (ssize_t)strlen(out));
		sc = through_bytes(sc);
	}
	free(bytes);
	return sc;
}

/* No proof fits keys that were made up. */
static void final(pc_scram *sc, const char *msg, size_t len)
{
	char *bytes = copy_exact(msg, len), out[PC_SCRAM_MESSAGE_MAX];

	pc_scram_set_binding(sc, (const uint8_t *)"bound", 5);
	must(pc_scram_client_final(sc, bytes, len, out) < 0);
	must(pc_scram_client_final(sc, bytes, len, out) < 0);
	free(bytes);
}

static void exchange(unsigned flags, const char *text, size_t len)
{
	static const char mechanisms[] = "SCRAM-SHA-1,SCRAM-SHA-1-PLUS";
	pc_scram_policy policy = { .plus_offered = flags & 8,
		                   .mechanisms = { mechanisms, sizeof(mechanisms) - 1 } };
	const char *line = memchr(text, '\n', len);
	size_t first_len = line ? (size_t)(line - text) : len;
	pc_scram *sc;

	must(pc_scram_start(&sc, (pc_scram_hash)(flags % 4 % 3), flags & 4, &policy) == PC_OK);
	memcpy(sc->server_nonce, "server", 7);
	sc = first(sc, text, first_len);
	if (line)
		final(sc, line + 1, len - first_len - 1);
	pc_scram_free(&sc);
}

static void saved(const char *bytes, size_t len)
{
	char *exact = copy_exact(bytes, len), out[PC_SCRAM_MESSAGE_MAX];
	pc_scram *sc = pc_scram_restore((const uint8_t *)exact, len);

	free(exact);
	if (sc == NULL)
		return;
	sc = through_bytes(sc);
	sc = first(sc, "n,,n=user,r=client", 18);
	pc_scram_client_final(sc, "c=biws,r=clientserver,p=MTIzNDU2Nzg5MDEyMzQ1Njc4OTA=", 52, out);
	pc_scram_free(&sc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (data[0] & 16)
		saved((const char *)data + 1, size - 1);
	else
		exchange(data[0], (const char *)data + 1, size - 1);
	return 0;
}
