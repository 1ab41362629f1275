/// What comes into the process with a library, read from the files before any of them is opened.
enum LibraryNeeds {
  /// More than any library has; whoever has more is not looked at to the end.
  private static let limit = 128

  /// The paths of the libraries that the dynamic loader opens with the one at `path`, each once.
  ///
  /// Libraries that it opens by itself later are not among them, nor those that only a search path of its own finds.
  static func all(of path: String) -> [String] {
    var paths: [String] = []
    var known: Set<String> = []
    var open = [path]
    while let next = open.popLast(), known.count < limit {
      for name in ELFFile(next)?.neededLibraries ?? [] where known.insert(name).inserted {
        guard let found = LibrarySearch.path(of: name) else { continue }
        paths.append(found)
        open.append(found)
      }
    }
    return paths
  }
}
