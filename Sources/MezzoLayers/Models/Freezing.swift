/// Which parts of a model training leaves as they are, by path: what is said of a layer or a variable itself, else of the
/// layer around it, and so on.
package struct Freezing: Sendable, Hashable, Codable {
  private var marks: [String: Bool] = [:]

  package init() {}

  package var isEmpty: Bool { marks.isEmpty }

  /// Freezes or frees `path` and everything below it.
  mutating func set(_ path: String, isFrozen: Bool) {
    marks = marks.filter { $0.key != path && !(path.isEmpty || $0.key.hasPrefix("\(path).")) }
    if self.isFrozen(path) != isFrozen { marks[path] = isFrozen }
  }

  func isFrozen(_ path: String) -> Bool {
    guard !marks.isEmpty else { return false }
    var path = path[...]
    while true {
      if let mark = marks[String(path)] { return mark }
      guard !path.isEmpty else { return false }
      path = path.lastIndex(of: ".").map { path[..<$0] } ?? ""
    }
  }

  /// The paths that were frozen, without those below them.
  var frozen: [String] { marks.filter(\.value).keys.sorted() }

  package init(from decoder: any Decoder) throws { marks = try [String: Bool](from: decoder) }
  package func encode(to encoder: any Encoder) throws { try marks.encode(to: encoder) }
}

extension Model {
  /// Has training leave the layers or variables at these paths as they are: they get no gradient, no update and no
  /// optimizer slots, and their regularizers no longer count, as in Keras 3. A frozen ``BatchNormalization`` works with
  /// its averages as in inference, and keeps them.
  ///
  /// ```swift
  /// let encoder = Sequential([Dense(8), Dense(8)], name: "encoder")
  /// let model = Model(Sequential([encoder, Dense(2)]))
  /// try model.build(input: [1, 4])
  /// try model.freeze("encoder")
  /// try model.unfreeze("encoder.dense_1")
  /// ```
  /// Trainings that began before go on as they began. What is frozen is saved with the model.
  ///
  /// - Parameter paths: of layers, with all in them, or of variables; none: everything.
  /// - Throws: `LayerError.notBuilt` before the model was built, ``LayerError/unknownPath(path:known:)``.
  public func freeze(_ paths: String...) throws { try setFrozen(true, paths) }

  /// Takes ``freeze(_:)`` back.
  public func unfreeze(_ paths: String...) throws { try setFrozen(false, paths) }

  /// What was frozen; the empty path is the whole model.
  public var frozenPaths: [String] { freezing.frozen }

  /// Whether training changes the variable at `path`.
  public func isTrainable(_ path: String) throws -> Bool {
    let variables = try variables
    guard variables[path] != nil else { throw LayerError.unknownPath(path: path, known: variables.paths) }
    return variables.isTrainable(path) && !freezing.isFrozen(path)
  }

  private func setFrozen(_ isFrozen: Bool, _ paths: [String]) throws {
    let known = try layers.map(\.path) + variables.paths
    var freezing = freezing
    for path in paths.isEmpty ? [""] : paths {
      // A name may have parts of its own, so that the first of them is the path of no layer.
      guard path.isEmpty || known.contains(where: { $0 == path || $0.hasPrefix("\(path).") }) else {
        throw LayerError.unknownPath(path: path, known: known)
      }
      freezing.set(path, isFrozen: isFrozen)
    }
    self.freezing = freezing
  }
}
