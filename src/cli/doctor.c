/* SPDX-License-Identifier: MPL-2.0 */
/* doctor.c - mdcfs doctor: look at everything that mounts need, and say what to do. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "cli/command.h"
#include "cli/doctor_checks.h"
#include "cli/human.h"
#include "net/json.h"

static const char help[] =
	"Usage: mdcfs doctor [--offline] [--json] [-o OPT[,OPT...]]\n"
	"\n"
	"Look for what keeps mounts from working, and say what to do about it. Costs no\n"
	"download of the daily quota.\n"
	"\n"
	"      --offline  ask no service\n"
	"  -j, --json     as a JSON object\n"
	"  -o OPTS        options, as for 'mdcfs mount'\n"
	"  -h, --help     show this\n";

static const char *const words[] = { "ok", "warn", "fail" };

static void print_finding(const char *name, const struct doctor_finding *f)
{
	printf("%-5s %-12s ", words[f->state], name);
	human_print(stdout, f->text);
	putchar('\n');
	if (!f->advice[0] || f->state == DOCTOR_OK)
		return;
	printf("%-5s %-12s -> ", "", "");
	human_print(stdout, f->advice);
	putchar('\n');
}

static struct json *finding_json(const char *name, const struct doctor_finding *f)
{
	struct json *j = json_object();

	json_set_str(j, "check", name);
	json_set_str(j, "state", words[f->state]);
	json_set_str(j, "text", f->text);
	json_set_str(j, "advice", f->advice[0] ? f->advice : NULL);
	return j;
}

static int print_json(struct json *list, enum doctor_state worst)
{
	AUTO(auto_json_free) struct json *j = json_object();
	AUTO(auto_free) char *text = NULL;

	json_set_str(j, "state", words[worst]);
	json_set(j, "checks", list);
	text = json_print(j, true);
	if (!text)
		return log_error(-ENOMEM, "the answer");
	return fputs(text, stdout) < 0 ? -EIO : 0;
}

static int examine(struct env *e, bool offline, bool as_json)
{
	struct json *list = json_array();
	enum doctor_state worst = DOCTOR_OK;
	int r = 0;

	for (size_t i = 0; i < doctor_n_checks; i++) {
		const struct doctor_check *c = &doctor_checks[i];
		struct doctor_finding f = { .state = DOCTOR_OK };

		if (c->network && offline)
			continue;
		c->look(e, &f);
		worst = MAX(worst, f.state);
		if (as_json)
			json_append(list, finding_json(c->name, &f));
		else
			print_finding(c->name, &f);
	}
	if (as_json)
		r = print_json(list, worst);
	else
		json_free(list);
	return r < 0 ? r : worst == DOCTOR_FAIL ? -EINVAL : 0;
}

int command_doctor(int argc, char **argv)
{
	static const struct option longs[] = { { "offline", no_argument, NULL, 'O' }, { 0 } };
	AUTO(env_close) struct env e = { 0 };
	bool as_json = false, offline = false;
	struct command_common c = { .help = help, .json = &as_json, .env = &e };
	int option, r;

	while ((option = command_option(argc, argv, &c, NULL, longs)) != -1) {
		if (option == 0)
			return c.result;
		offline = true;
	}
	if (optind < argc)
		return command_misused(argv[0], "nothing is expected behind the options");
	r = env_open(&e);
	return r < 0 ? r : examine(&e, offline, as_json);
}
