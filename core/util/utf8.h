/*
 * utf8.h - is it UTF-8? As RFC 3629 has it: no overlong form, no surrogate, nothing above U+10FFFF.
 *
 * U+0000 and the noncharacters are valid UTF-8; who cannot use them refuses them.
 */
#pragma once

#include <prosody-c/base.h>

bool pc__utf8_valid(const char *bytes, size_t len);
