# Packages for Debian, by `cpack -G DEB` in a build folder whose prefix is /usr (./dev package): the
# server, and the headers for modules.

set(PC_PACKAGER "the prosody-c authors <authors@prosody-c.example>" CACHE STRING
    "Name and address of whoever makes packages")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME prosody-c)
set(CPACK_PACKAGE_VENDOR prosody-c)
set(CPACK_PACKAGE_CONTACT ${PC_PACKAGER})
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "modular XMPP server in C")
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX ${CMAKE_INSTALL_PREFIX})
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL server dev)
set(CPACK_COMPONENTS_GROUPING ONE_PER_GROUP)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)

set(CPACK_DEBIAN_SERVER_PACKAGE_NAME prosody-c)
set(CPACK_DEBIAN_SERVER_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_SERVER_PACKAGE_DEPENDS adduser)
set(CPACK_DEBIAN_SERVER_PACKAGE_RECOMMENDS "ca-certificates, dns-root-data")
set(CPACK_DEBIAN_SERVER_PACKAGE_PROVIDES xmpp-server)
set(CPACK_COMPONENT_SERVER_DESCRIPTION "An XMPP server that keeps to little memory, reads the configuration of\n\
Prosody, and is made of modules that are loaded while it runs.")
set(CPACK_DEBIAN_DEV_PACKAGE_NAME prosody-c-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS libc6-dev)
set(CPACK_COMPONENT_DEV_DESCRIPTION "The headers of the XMPP server prosody-c, for whoever writes modules for it.")

# ---- what Debian wants beside the files themselves

set(deb ${CMAKE_BINARY_DIR}/dist/deb)
file(GLOB scripts ${CMAKE_SOURCE_DIR}/core/dist/deb/*)
foreach(script ${scripts})
  get_filename_component(name ${script} NAME_WLE)
  configure_file(${script} ${deb}/${name} @ONLY FILE_PERMISSIONS OWNER_READ OWNER_WRITE
                 OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
endforeach()
file(WRITE ${deb}/conffiles "${PC_CONFIG_DIR}/prosody-c.conf\n")
set(CPACK_DEBIAN_SERVER_PACKAGE_CONTROL_EXTRA
    "${deb}/conffiles;${deb}/postinst;${deb}/prerm;${deb}/postrm")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

file(READ ${CMAKE_SOURCE_DIR}/LICENSE license)
string(REGEX REPLACE "\n\n" "\n.\n" license "${license}")
string(REGEX REPLACE "\n([^\n])" "\n \\1" license "\n${license}")
file(WRITE ${deb}/copyright "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: prosody-c

Files: *
Copyright: 2026 the prosody-c authors
License: Expat${license}")
string(TIMESTAMP now "%a, %d %b %Y %H:%M:%S +0000" UTC)
file(WRITE ${deb}/changelog "prosody-c (${PROJECT_VERSION}) unstable; urgency=medium

  * Packaged from the source tree.

 -- ${PC_PACKAGER}  ${now}
")
execute_process(COMMAND gzip -9nkf ${deb}/changelog)
foreach(part server dev)
  set(name prosody-c)
  if(part STREQUAL dev)
    set(name prosody-c-dev)
  endif()
  install(FILES ${deb}/copyright ${deb}/changelog.gz DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${name}
          COMPONENT ${part})
endforeach()

include(CPack)
