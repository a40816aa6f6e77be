# cmake -DIN=bots.list -DOUT=file.c -P embed.cmake
# Writes the built-in bot list as C: bytes, because compilers limit the length of a literal.
file(READ "${IN}" hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
string(REGEX REPLACE "(0x0a,)" "\\1\n" bytes "${bytes}")
file(WRITE "${OUT}" "/* Made from etc/bots.list by embed.cmake. */\n#include \"attrib/bots.h\"\n"
	"static const char bytes[] = {\n${bytes}};\n"
	"const struct attrib_str attrib_bots_builtin = {bytes, sizeof bytes};\n")
