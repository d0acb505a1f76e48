#include <stdlib.h>
#include <string.h>

#include "admin.h"

/* A command of prosody-ctl that runs for an ad-hoc one; the data of its call. */
struct shell {
	pc_adhoc_call *call;
	pc_stanza *lines; /* the field of the answer that holds what was printed; NULL: nothing */
};

static const pc_field output[] = {
	{ .var = "lines", .type = PC_FIELD_LINES, .label = "Result" },
	{ 0 },
};

static void on_line(const char *text, void *data)
{
	static const pc_form form = { .fields = output };
	struct shell *sh = data;
	pc_values *first;

	if (sh->lines) {
		pc_stanza_leaf(sh->lines, "value", text);
		return;
	}
	first = pc_values_new();
	pc_values_add(first, "lines", text);
	sh->lines = pc_stanza_first(pc_form_tell(pc_adhoc_payload(sh->call), &form, first));
	pc_values_free(&first);
}

static void on_ended(int err, const char *text, void *data)
{
	struct shell *sh = data;

	if (err != PC_OK)
		pc_adhoc_fail(sh->call, "%s", text);
	else if (*text)
		pc_adhoc_done(sh->call, "%s", text);
	else
		pc_adhoc_done(sh->call, NULL);
}

static void run(pc_adhoc_call *call, pc_module *m, const char *const *words, size_t n)
{
	struct shell *sh = pc_adhoc_data(call, sizeof(*sh));

	*sh = (struct shell){ call, NULL };
	pc_run_command(m, n, words, on_line, on_ended, sh);
}

/* ------------------------------------------------------------ modules */

void admin_list_modules(pc_adhoc_call *call, pc_module *m)
{
	const char *const words[] = { "module", "list", pc_module_host_name(m) };

	run(call, m, words, 3);
}

static void change_module(pc_adhoc_call *call, pc_module *m, const char *what, const char *title)
{
	const pc_form form = {
		.title = title,
		.form_type = "http://prosody.im/protocol/modules",
		.fields =
		        (const pc_field[]){
		                { .var = "module", .label = "Module", .required = true },
		                { 0 },
		        },
	};
	const pc_values *answer;

	if (pc_adhoc_stage(call) == 0) {
		pc_adhoc_ask(call, &form, NULL, PC_ADHOC_COMPLETE);
	} else if ((answer = pc_adhoc_answer(call, 0, &form)) != NULL) {
		const char *const words[] = { "module", what, pc_module_host_name(m),
			                      pc_values_get(answer, "module") };

		run(call, m, words, 4);
	}
}

void admin_load_module(pc_adhoc_call *call, pc_module *m)
{
	change_module(call, m, "load", "Load module");
}

void admin_unload_module(pc_adhoc_call *call, pc_module *m)
{
	change_module(call, m, "unload", "Unload module");
}

void admin_reload_module(pc_adhoc_call *call, pc_module *m)
{
	change_module(call, m, "reload", "Reload module");
}

/* ------------------------------------------------------------ the server */

void admin_reload_config(pc_adhoc_call *call, pc_module *m)
{
	const char *const words[] = { "reload" };

	run(call, m, words, 1);
}

static void ignore_line(const char *text, void *data)
{
	(void)text;
	(void)data;
}

static void on_stopping(int err, const char *text, void *data)
{
	if (err != PC_OK)
		pc_log(data, PC_ERROR, "the server cannot be stopped: %s", text);
}

static void on_announced(int err, const char *text, void *data)
{
	if (err != PC_OK)
		pc_log(data, PC_WARN, "nobody was told of the shutdown: %s", text);
}

static void stop(void *data)
{
	const char *const words[] = { "stop" };

	pc_run_command(data, 1, words, ignore_line, on_stopping, data);
}

static void tell_of_shutdown(pc_module *m, const pc_values *answer)
{
	char *body = pc_values_join(answer, "announcement");
	const char *const words[] = { "announce", "all", body };

	if (*body)
		pc_run_command(m, 3, words, ignore_line, on_announced, m);
	free(body);
}

static const pc_choice delays[] = {
	{ "0", "At once" },     { "30", "30 seconds" }, { "60", "60 seconds" },
	{ "90", "90 seconds" }, { "120", "2 minutes" }, { "180", "3 minutes" },
	{ "240", "4 minutes" }, { "300", "5 minutes" }, { 0 },
};

static const pc_form shutdown_form = {
	.title = "Shutting Down the Service",
	.instructions = "Fill out this form to shut down the service.",
	.form_type = NS_ADMIN,
	.fields =
	        (const pc_field[]){
	                { .var = "delay",
	                  .type = PC_FIELD_LIST,
	                  .label = "Time delay before shutting down",
	                  .required = true,
	                  .choices = delays },
	                { .var = "announcement", .type = PC_FIELD_LINES, .label = "Announcement" },
	                { 0 },
	        },
};

void admin_shutdown(pc_adhoc_call *call, pc_module *m)
{
	const pc_values *answer;
	double delay;

	if (pc_adhoc_stage(call) == 0) {
		pc_adhoc_ask(call, &shutdown_form, NULL, PC_ADHOC_COMPLETE);
		return;
	}
	answer = pc_adhoc_answer(call, 0, &shutdown_form);
	if (answer == NULL)
		return;
	delay = (double)strtoul(pc_values_get(answer, "delay"), NULL, 10);
	tell_of_shutdown(m, answer);
	pc_log(m, PC_INFO, "%s shuts the server down in %g seconds", pc_adhoc_from(call), delay);
	pc_after(m, delay, stop, m);
	pc_adhoc_done(call, "The server ends in %g seconds", delay);
}

/* A server that ends and begins by itself would be out of the hands of who supervises it. */
void admin_restart(pc_adhoc_call *call, pc_module *m)
{
	(void)m;
	pc_adhoc_refuse(call, "feature-not-implemented",
	                "It is restarted by who has started it: systemctl restart prosody-c");
}
