# import and report: their plain parts, and both against a real PostgreSQL.
foreach(name csv export table import_value preset_value)
	attrib_test(sink_${name} SOURCES test_${name}.c LINK attrib_sink)
	target_include_directories(test_sink_${name} PRIVATE ${CMAKE_SOURCE_DIR}/lib/sink)
endforeach()
target_compile_definitions(test_sink_export PRIVATE DATA_DIR="${CMAKE_SOURCE_DIR}/tests/data")
foreach(name import import_person import_preset links report)
	add_executable(test_sink_${name} test_${name}.c)
	target_link_libraries(test_sink_${name} PRIVATE test_sink_support)
	add_test(NAME sink_${name}
		COMMAND ${CMAKE_SOURCE_DIR}/tests/support/with-postgres $<TARGET_FILE:test_sink_${name}>)
	set_tests_properties(sink_${name} PROPERTIES TIMEOUT 300 LABELS "unit;postgres")
endforeach()
target_compile_definitions(test_sink_import_preset PRIVATE DATA_DIR="${CMAKE_SOURCE_DIR}/tests/data")
