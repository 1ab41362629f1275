#include "mezzo_manifests.h"

// Part of the executable for the same reasons as the digits: nothing has to be found at run time.
#if !defined(__has_embed)
#error "expected a C compiler with #embed (clang 19, Swift 6.2 or newer): update the Swift toolchain"
#endif

// #embed is C23; clang takes it in every C mode and says so.
#if defined(__clang__)
#pragma clang diagnostic ignored "-Wc23-extensions"
#endif

static const unsigned char openblas[] = {
#embed "../../Plugins/OpenBLAS/openblas.toml"
};

static const unsigned char blis[] = {
#embed "../../Plugins/BLIS/blis.toml"
};

static const unsigned char onednn_gemm[] = {
#embed "../../Plugins/OneDNNGemm/onednn-gemm.toml"
};

static const unsigned char xnnpack[] = {
#embed "../../Plugins/XNNPACK/xnnpack.toml"
};

static const mezzo_manifest_text texts[] = {
    {"openblas.toml", openblas, sizeof openblas},
    {"blis.toml", blis, sizeof blis},
    {"onednn-gemm.toml", onednn_gemm, sizeof onednn_gemm},
    {"xnnpack.toml", xnnpack, sizeof xnnpack},
};

size_t mezzo_manifest_count(void) { return sizeof texts / sizeof texts[0]; }

mezzo_manifest_text mezzo_manifest_at(size_t index) { return texts[index]; }
