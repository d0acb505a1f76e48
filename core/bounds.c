#include "bounds.h"

#include <prosody-c/base.h>

#include "metrics.h"

/* By option: c2s_stanza_size_limit and xml_*_limit, max_send_buffer_size, c2s_timeout,
 * max_resources, roster_max_items (twice), max_queries, journal_max_size; waiting_time has no
 * option: 30 seconds. */
const pc_metric_decl pc__bound_metrics[PC__BOUNDS + 1] = {
	[PC__BOUND_STANZA] = { "stanza", PC_COUNTER,
	                       "Streams ended for a stanza that was too large or too deep" },
	[PC__BOUND_UNSENT] = { "unsent", PC_COUNTER, "Connections dropped with too much unsent" },
	[PC__BOUND_LOGIN] = { "login_time", PC_COUNTER,
	                      "Streams ended that did not log in in time" },
	[PC__BOUND_RESOURCES] = { "resources", PC_COUNTER,
	                          "Resources refused, the account having too many" },
	[PC__BOUND_CONTACTS] = { "contacts", PC_COUNTER,
	                         "Contacts refused, the roster having too many" },
	[PC__BOUND_REQUESTS] = { "requests", PC_COUNTER,
	                         "Requests for subscriptions refused, too many being unanswered" },
	[PC__BOUND_QUERIES] = { "queries", PC_COUNTER,
	                        "Iqs of modules that were not sent, too many waiting" },
	[PC__BOUND_WAITING] = { "waiting_time", PC_COUNTER,
	                        "Stanzas that were suspended for too long" },
	[PC__BOUND_JOURNAL] = { "journal", PC_COUNTER,
	                        "Sessions and writes that would not outlive the process" },
};

static pc_metric *counters[PC__BOUNDS];

void pc__bounds_start(void)
{
	for (int i = 0; i < PC__BOUNDS; i++)
		counters[i] =
		        pc__counter("limits", pc__bound_metrics[i].name, pc__bound_metrics[i].help);
}

void pc__bound_reached(pc__bound limit)
{
	if (counters[limit])
		pc_metric_add(counters[limit], 1);
}
