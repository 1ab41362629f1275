package import MezzoFiles
import MezzoGraph

/// Tensors and packed weights lie in files that are mapped.
extension MappedFile: BytesKeeper {}
