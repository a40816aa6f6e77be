#include "cmd_qr.h"

#include <errno.h>
#include <qrencode.h>

#define QUIET 4 /* light modules around the code that readers need */

/* M: an eighth of it may be damaged, as print is, and the code stays small. */
static int encode(const char *address, QRcode **out)
{
	*out = QRcode_encodeString8bit(address, 0, QR_ECLEVEL_M);
	if (*out)
		return 0;
	return errno == ERANGE ? ATTRIB_E_TOO_LARGE : ATTRIB_E_NOMEM;
}

static bool is_dark(const QRcode *code, int x, int y)
{
	return x >= 0 && y >= 0 && x < code->width && y < code->width &&
	       code->data[y * code->width + x] & 1;
}

/* Two modules, one above the other, are one character. */
static const char *half_blocks(bool upper_dark, bool lower_dark)
{
	if (upper_dark)
		return lower_dark ? " " : "\u2584";
	return lower_dark ? "\u2580" : "\u2588";
}

int cmd_qr_text(const char *address, bool colours, struct attrib_buf *out)
{
	QRcode *code;
	int err = encode(address, &code);

	for (int y = -QUIET; !err && y < code->width + QUIET; y += 2) {
		attrib_buf_str(out, colours ? ATTRIB_STR("\033[40;97m") : ATTRIB_STR(""));
		for (int x = -QUIET; x < code->width + QUIET; x++)
			attrib_buf_str(out, attrib_str_of(half_blocks(
						    is_dark(code, x, y), is_dark(code, x, y + 1))));
		attrib_buf_str(out, colours ? ATTRIB_STR("\033[0m\n") : ATTRIB_STR("\n"));
	}
	if (!err)
		QRcode_free(code);
	return err ? err : out->err;
}

int cmd_qr_svg(const char *address, struct attrib_buf *out)
{
	QRcode *code;
	int size, err = encode(address, &code);

	if (err)
		return err;
	size = code->width + 2 * QUIET;
	attrib_buf_printf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
		"height=\"%d\" shape-rendering=\"crispEdges\">\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n<path d=\"",
		size, size, 8 * size, 8 * size);
	for (int y = 0; y < code->width; y++) {
		for (int x = 0; x < code->width; x++) {
			if (is_dark(code, x, y))
				attrib_buf_printf(out, "M%d %dh1v1h-1z", x + QUIET, y + QUIET);
		}
	}
	attrib_buf_str(out, ATTRIB_STR("\"/>\n</svg>\n"));
	QRcode_free(code);
	return out->err;
}
