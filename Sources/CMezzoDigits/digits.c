#include "mezzo_digits.h"

// The data set is part of the executable, so nothing has to be found at run time: it works after the executable was moved
// and inside another application. Embedding from C because it costs the build 0.1 s: SwiftPM's .embedInCode took 4 to 7 s more
// for the same bytes, and a copied resource's Bundle.module traps when the bundle is not beside the executable.
#if !defined(__has_embed)
#error "expected a C compiler with #embed (clang 19, Swift 6.2 or newer): update the Swift toolchain"
#endif

// #embed is C23; clang takes it in every C mode and says so.
#if defined(__clang__)
#pragma clang diagnostic ignored "-Wc23-extensions"
#endif

static const unsigned char images[] = {
#embed "data/digits-images-idx3-ubyte.gz"
};

static const unsigned char labels[] = {
#embed "data/digits-labels-idx1-ubyte.gz"
};

mezzo_digits_blob mezzo_digits_images(void) { return (mezzo_digits_blob){images, sizeof images}; }

mezzo_digits_blob mezzo_digits_labels(void) { return (mezzo_digits_blob){labels, sizeof labels}; }
