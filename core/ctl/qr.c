/*
 * qr.c - a link as a QR code on the terminal, so that a phone can be held before it.
 *
 * A character is two modules, one above the other. Colours are set, as a code with light and dark
 * exchanged is not read by all.
 */
#include <langinfo.h>
#include <locale.h>
#include <qrencode.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/ctl.h"

#define QUIET 2 /* modules of margin: four by the standard, which few terminals have room for */

static bool is_dark(const QRcode *code, int x, int y)
{
	if (x < 0 || y < 0 || x >= code->width || y >= code->width)
		return false;
	return code->data[y * code->width + x] & 1;
}

/* Light modules are drawn, in white on black. */
static const char *block(bool upper_dark, bool lower_dark)
{
	if (upper_dark)
		return lower_dark ? " " : "\u2584";
	return lower_dark ? "\u2580" : "\u2588";
}

static void print(const QRcode *code)
{
	for (int y = -QUIET; y < code->width + QUIET; y += 2) {
		fputs("\033[40;37;1m", stdout);
		for (int x = -QUIET; x < code->width + QUIET; x++)
			fputs(block(is_dark(code, x, y), is_dark(code, x, y + 1)), stdout);
		fputs("\033[0m\n", stdout);
	}
}

static bool terminal_can(void)
{
	return isatty(STDOUT_FILENO) && setlocale(LC_CTYPE, "") &&
	       strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

void ctl_show_link(const char *line)
{
	QRcode *code;

	if ((strncmp(line, "xmpp:", 5) != 0 && strncmp(line, "https://", 8) != 0) ||
	    !terminal_can())
		return;
	code = QRcode_encodeString8bit(line, 0, QR_ECLEVEL_L);
	if (code)
		print(code);
	QRcode_free(code);
}
