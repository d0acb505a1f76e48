/*
 * prosody-c.h - everything that a module may use, but for blocking.h, caps.h and table.h. The
 * author's guide is README.md of the folder above (installed: modules.md of the documentation);
 * start with module.h, event.h and stanza.h.
 */
#pragma once

#include <prosody-c/adhoc.h>
#include <prosody-c/base.h>
#include <prosody-c/codec.h>
#include <prosody-c/command.h>
#include <prosody-c/config.h>
#include <prosody-c/connect.h>
#include <prosody-c/dane.h>
#include <prosody-c/event.h>
#include <prosody-c/forms.h>
#include <prosody-c/host.h>
#include <prosody-c/jid.h>
#include <prosody-c/journal.h>
#include <prosody-c/log.h>
#include <prosody-c/loop.h>
#include <prosody-c/module.h>
#include <prosody-c/net.h>
#include <prosody-c/roster.h>
#include <prosody-c/route.h>
#include <prosody-c/rsm.h>
#include <prosody-c/sasl.h>
#include <prosody-c/scram.h>
#include <prosody-c/session.h>
#include <prosody-c/stanza.h>
#include <prosody-c/store.h>
#include <prosody-c/users.h>
