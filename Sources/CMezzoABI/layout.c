// SwiftPM builds no target without a source; compiling the header here checks its static assertions in every build.
#include "mezzo_device.h"
