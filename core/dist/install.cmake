# What `cmake --install` puts where. Components: server, and dev (what somebody else's module needs).
# A prefix of /usr has its configuration in /etc and its data in /var (GNUInstallDirs).

set(PC_DATA_DIR ${CMAKE_INSTALL_FULL_LOCALSTATEDIR}/lib/prosody-c)
set(PC_UNIT_DIR ${CMAKE_INSTALL_PREFIX}/lib/systemd/system CACHE PATH "Where systemd's units go")
set(PC_SYSUSERS_DIR ${CMAKE_INSTALL_PREFIX}/lib/sysusers.d CACHE PATH "Where sysusers.d is")
set(dist ${CMAKE_SOURCE_DIR}/core/dist)

install(TARGETS prosody-c prosody-ctl COMPONENT server)

# ---- for modules of others

install(DIRECTORY include/prosody-c DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev
        FILES_MATCHING PATTERN "*.h")
install(FILES include/README.md DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME modules.md COMPONENT dev)
configure_file(core/dist/prosody-c.pc.in prosody-c.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/prosody-c.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig
        COMPONENT dev)

# ---- the configuration: the tree's own, with the folders and the user of an installed server. One
# that is there already stays, for it is the operator's.

file(READ ${CMAKE_SOURCE_DIR}/prosody-c.conf text)
string(REPLACE "data_path = \"data\"\n" "data_path = \"${PC_DATA_DIR}\"\n\n\
-- Who the server is when root starts it; prosody-ctl works as this user, too.\n\
prosody_user = \"prosody-c\"\n" installed "${text}")
if(installed STREQUAL text)
  message(FATAL_ERROR "prosody-c.conf has no line data_path = \"data\" to be replaced")
endif()
file(CONFIGURE OUTPUT dist/prosody-c.conf CONTENT "${installed}" @ONLY)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/prosody-c.conf)
file(CONFIGURE OUTPUT dist/config.cmake CONTENT [[
set(file "$ENV{DESTDIR}@PC_CONFIG_DIR@/prosody-c.conf")
if(EXISTS "${file}")
  message("-- Left as it is: ${file}")
else()
  file(INSTALL "@CMAKE_BINARY_DIR@/dist/prosody-c.conf" DESTINATION "@PC_CONFIG_DIR@"
       PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
endif()
file(MAKE_DIRECTORY "$ENV{DESTDIR}@PC_CONFIG_DIR@/certs" "$ENV{DESTDIR}@PC_CONFIG_DIR@/plugins.d")
]] @ONLY)
install(SCRIPT ${CMAKE_BINARY_DIR}/dist/config.cmake COMPONENT server)

# ---- systemd

configure_file(core/dist/prosody-c.service.in dist/prosody-c.service @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/dist/prosody-c.service DESTINATION ${PC_UNIT_DIR}
        COMPONENT server)
configure_file(core/dist/prosody-c.sysusers.in dist/prosody-c.sysusers @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/dist/prosody-c.sysusers DESTINATION ${PC_SYSUSERS_DIR}
        RENAME prosody-c.conf COMPONENT server)

# ---- manual pages

find_program(SCDOC scdoc)
if(SCDOC)
  foreach(page prosody-c.8 prosody-ctl.8 prosody-c.conf.5)
    configure_file(core/dist/${page}.scd dist/${page}.scd @ONLY)
    add_custom_command(OUTPUT dist/${page}.gz DEPENDS ${CMAKE_BINARY_DIR}/dist/${page}.scd
      COMMAND sh -c "${SCDOC} <dist/${page}.scd >dist/${page} && gzip -9nkf dist/${page}" VERBATIM)
    list(APPEND pages ${CMAKE_BINARY_DIR}/dist/${page}.gz)
    string(REGEX MATCH ".$" section ${page})
    install(FILES ${CMAKE_BINARY_DIR}/dist/${page}.gz
            DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section} COMPONENT server)
  endforeach()
  # What can be set and called is written by the server itself.
  if(NOT CMAKE_CROSSCOMPILING)
    add_custom_command(OUTPUT dist/prosody-c-reference.7.gz DEPENDS prosody-c
      COMMAND sh -c "./prosody-c -c dist/prosody-c.conf --reference man >dist/prosody-c-reference.7"
      COMMAND gzip -9nkf dist/prosody-c-reference.7 VERBATIM)
    list(APPEND pages ${CMAKE_BINARY_DIR}/dist/prosody-c-reference.7.gz)
    install(FILES ${CMAKE_BINARY_DIR}/dist/prosody-c-reference.7.gz
            DESTINATION ${CMAKE_INSTALL_MANDIR}/man7 COMPONENT server)
  endif()
  add_custom_target(manual ALL DEPENDS ${pages})
else()
  message(STATUS "no scdoc: the manual pages are left out")
endif()

# ---- what is implemented, for the lists of servers (XEP-0453).
if(NOT CMAKE_CROSSCOMPILING)
  add_custom_command(OUTPUT dist/prosody-c.doap DEPENDS prosody-c
    COMMAND sh -c "./prosody-c -c dist/prosody-c.conf --reference doap >dist/prosody-c.doap" VERBATIM)
  add_custom_target(doap ALL DEPENDS ${CMAKE_BINARY_DIR}/dist/prosody-c.doap)
  install(FILES ${CMAKE_BINARY_DIR}/dist/prosody-c.doap DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT server)
endif()

# ---- shell completion, made from the commands that the server that was just built offers. Where it
# cannot run here it is left out.

if(NOT CMAKE_CROSSCOMPILING)
  set(completions dist/prosody-ctl.bash dist/prosody-ctl.zsh dist/prosody-ctl.fish)
  add_custom_command(OUTPUT ${completions}
    COMMAND ${dist}/completion.sh ${CMAKE_BINARY_DIR} dist
    DEPENDS prosody-c prosody-ctl ${dist}/completion.sh)
  add_custom_target(completion ALL DEPENDS ${completions})
  install(FILES ${CMAKE_BINARY_DIR}/dist/prosody-ctl.bash RENAME prosody-ctl
          DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions COMPONENT server)
  install(FILES ${CMAKE_BINARY_DIR}/dist/prosody-ctl.zsh RENAME _prosody-ctl
          DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions COMPONENT server)
  install(FILES ${CMAKE_BINARY_DIR}/dist/prosody-ctl.fish
          DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d COMPONENT server)
endif()
