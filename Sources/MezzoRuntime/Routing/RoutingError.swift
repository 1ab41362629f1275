/// Routing as the user wants it is not possible, or not to be had here.
public enum RoutingError: Error, Equatable, Sendable, CustomStringConvertible {
  /// An option or a pin that cannot be read.
  case syntax(text: String, message: String)
  /// A pin whose backend or rule does not exist.
  case pin(Pin, message: String)
  /// A pin that its backend cannot honour for an operation, with what each of its rules says.
  case pinned(Pin, layer: String, request: String, reasons: [String])
  /// Under `strict`: an operation that is computed in another dtype, or whose rule was not kept by its backend.
  case strict(layer: String, request: String, problem: String, reasons: [String])
  /// Under the fallback level `error`.
  case fallback(layer: String, request: String, reasons: [String])
  /// A route that the lock file does not have.
  case lock([RouteLock.Difference])
  /// Under `strict`: a backend that is another build of the version in the lock file.
  case rebuilt(RouteLock.Rebuilt)

  public var description: String {
    switch self {
    case .syntax(let text, let message): "'\(text)' cannot be read: \(message)"
    case .pin(let pin, let message): "the pin \(pin) cannot be honoured: \(message)"
    case .pinned(let pin, let layer, let request, let reasons):
      "\(Self.place(layer))the pin \(pin) cannot be honoured for \(request): \(Self.list(reasons))"
    case .strict(let layer, let request, let problem, let reasons):
      "\(Self.place(layer))\(request) \(problem), which strict routing forbids: \(Self.list(reasons))"
    case .fallback(let layer, let request, let reasons):
      "\(Self.place(layer))\(request) falls back to the built-in backend, which the fallback level error forbids: "
        + Self.list(reasons)
    case .rebuilt(let rebuilt): "\(rebuilt), which strict routing forbids; write the lock anew if that is right"
    case .lock(let differences): "routes differ from the lock:\n\(RouteLock.text(differences))"
    }
  }

  private static func place(_ layer: String) -> String { layer.isEmpty ? "" : "layer \(layer): " }

  private static func list(_ reasons: [String]) -> String {
    reasons.isEmpty ? "nobody said why" : reasons.joined(separator: "; ")
  }
}
