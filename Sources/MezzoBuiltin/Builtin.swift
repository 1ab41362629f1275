public import CMezzoABI
import CMezzoBuiltin

/// The backend that is always there: C kernels for every operation and dtype, linked into the program.
///
/// It speaks the same ABI as a plugin, and is the oracle that all others are compared with.
public enum Builtin {
  public static let name = "builtin"

  /// Answers an offer of ABI versions with the backend's table.
  public static let query: @convention(c) (UnsafePointer<mezzo_offer>?) -> UnsafePointer<mezzo_backend>? =
    mezzo_builtin_query
}
