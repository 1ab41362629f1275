#include "mezzo_templates.h"

// As the digits, the projects are part of the executable, so that `mezzo backend new` works after it was moved. The C project
// is the plugin that the package builds and tests, and the header is the one that it was built with.
#if !defined(__has_embed)
#error "expected a C compiler with #embed (clang 19, Swift 6.2 or newer): update the Swift toolchain"
#endif

#if defined(__clang__)
#pragma clang diagnostic ignored "-Wc23-extensions"
#endif

static const unsigned char header[] = {
#embed "../CMezzoABI/include/mezzo_backend.h"
};
static const unsigned char readme[] = {
#embed "project/README.md"
};
static const unsigned char ignored[] = {
#embed "project/gitignore"
};
static const unsigned char exports[] = {
#embed "project/exports.map"
};
static const unsigned char c_source[] = {
#embed "../../Plugins/CTemplate/template.c"
};
static const unsigned char c_make[] = {
#embed "project/c/Makefile"
};
static const unsigned char cpp_source[] = {
#embed "project/cpp/backend.cpp"
};
static const unsigned char cpp_make[] = {
#embed "project/cpp/Makefile"
};
static const unsigned char rust_source[] = {
#embed "project/rust/src/lib.rs"
};
static const unsigned char rust_abi[] = {
#embed "project/rust/src/abi.rs"
};
static const unsigned char rust_package[] = {
#embed "project/rust/Cargo.toml"
};
static const unsigned char rust_make[] = {
#embed "project/rust/Makefile"
};
static const unsigned char swift_source[] = {
#embed "project/swift/backend.swift"
};
static const unsigned char swift_module[] = {
#embed "project/swift/module.modulemap"
};
static const unsigned char swift_make[] = {
#embed "project/swift/Makefile"
};
static const unsigned char zig_source[] = {
#embed "project/zig/backend.zig"
};
static const unsigned char zig_make[] = {
#embed "project/zig/Makefile"
};
static const unsigned char manifest_text[] = {
#embed "project/manifest/backend.toml"
};
static const unsigned char manifest_kernels[] = {
#embed "project/manifest/kernels.c"
};
static const unsigned char manifest_make[] = {
#embed "project/manifest/Makefile"
};

#define FILE(language, path, bytes) {language, path, bytes, sizeof bytes}

static const mezzo_template files[] = {
    FILE("", "README.md", readme),
    FILE("", ".gitignore", ignored),
    FILE("c", "mezzo_backend.h", header),
    FILE("c", "exports.map", exports),
    FILE("c", "backend.c", c_source),
    FILE("c", "Makefile", c_make),
    FILE("cpp", "mezzo_backend.h", header),
    FILE("cpp", "exports.map", exports),
    FILE("cpp", "backend.cpp", cpp_source),
    FILE("cpp", "Makefile", cpp_make),
    FILE("rust", "mezzo_backend.h", header),
    FILE("rust", "src/lib.rs", rust_source),
    FILE("rust", "src/abi.rs", rust_abi),
    FILE("rust", "Cargo.toml", rust_package),
    FILE("rust", "Makefile", rust_make),
    FILE("swift", "mezzo_backend.h", header),
    FILE("swift", "exports.map", exports),
    FILE("swift", "module.modulemap", swift_module),
    FILE("swift", "backend.swift", swift_source),
    FILE("swift", "Makefile", swift_make),
    FILE("zig", "mezzo_backend.h", header),
    FILE("zig", "backend.zig", zig_source),
    FILE("zig", "Makefile", zig_make),
    FILE("manifest", "@NAME@.toml", manifest_text),
    FILE("manifest", "kernels.c", manifest_kernels),
    FILE("manifest", "Makefile", manifest_make),
};

size_t mezzo_template_count(void) { return sizeof files / sizeof files[0]; }

const mezzo_template *mezzo_template_at(size_t index) { return &files[index]; }
