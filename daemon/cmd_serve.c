/*
 * attribd serve: the daemon itself.
 */
#include "cmd.h"
#include "serve.h"

int cmd_serve(const struct cmd_line *line)
{
	struct attribd_config *config;
	int status = cmd_load_config(line->config, &config);

	return status ? status : attribd_serve(config, line->config);
}
