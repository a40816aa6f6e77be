# cmake -DAWK=awk -DGZIP=gzip -DSCRIPT=a.js -DSHRINK=shrink.awk -DOUT=file.c -P embed.cmake
# Writes the tag as it is served, and compressed, as C. Its ETags are made of what it is.
set(served ${OUT}.js)
execute_process(COMMAND ${AWK} -f ${SHRINK} ${SCRIPT} OUTPUT_FILE ${served} RESULT_VARIABLE failed)
if(failed)
	message(FATAL_ERROR "${SHRINK} could not read ${SCRIPT}")
endif()
execute_process(COMMAND ${GZIP} -9nc ${served} OUTPUT_FILE ${served}.gz RESULT_VARIABLE failed)
if(failed)
	message(FATAL_ERROR "${GZIP} could not compress ${served}")
endif()
file(SHA256 ${served} digest)
string(SUBSTRING ${digest} 0 32 digest)

function(bytes_of file out)
	file(READ ${file} hex HEX)
	string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
	string(REGEX REPLACE "((0x[0-9a-f]+,){16})" "\\1\n" bytes "${bytes}")
	set(${out} "${bytes}" PARENT_SCOPE)
endfunction()
bytes_of(${served} plain)
bytes_of(${served}.gz compressed)
file(WRITE "${OUT}" "/* Made from daemon/tag/a.js by embed.cmake. */\n#include \"tag.h\"\n"
	"static const unsigned char plain[] = {\n${plain}};\n"
	"static const unsigned char compressed[] = {\n${compressed}};\n"
	"const struct attribd_tag attribd_tag_plain = {\n"
	"\t{(const char *)plain, sizeof plain}, \"\\\"${digest}\\\"\"};\n"
	"const struct attribd_tag attribd_tag_compressed = {\n"
	"\t{(const char *)compressed, sizeof compressed}, \"\\\"${digest}-gz\\\"\"};\n")
