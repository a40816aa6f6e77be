/*
 * attribd check-config: is the file good, and what does it amount to?
 */
#include <stdio.h>

#include "cmd.h"

int cmd_check_config(const struct cmd_line *line)
{
	struct attribd_config *config;
	struct attrib_buf out;
	int status = cmd_load_config(line->config, &config);

	if (status)
		return status;
	attrib_buf_init(&out);
	attribd_config_print(config, &out);
	if (out.err)
		status = cmd_exit_status(out.err);
	else if (fwrite(out.p, 1, out.n, stdout) != out.n || fflush(stdout))
		status = EX_IOERR;
	attrib_buf_done(&out);
	attribd_config_free(config);
	return status;
}
