import MezzoPlugins

/// The names that a shared library lets others see, read from the file. `nil` for formats other than 64-bit ELF, and where
/// the file contradicts itself.
enum ExportedSymbols {
  /// Marks that some linkers leave; they name no code.
  private static let marks: Set<String> = [
    "_init", "_fini", "__bss_start", "_edata", "_end", "__end__", "__bss_start__", "__bss_end__", "_bss_end__",
  ]

  static func names(in path: String) -> [String]? {
    ELFFile(path)?.exportedSymbols?.filter { !marks.contains($0) }
  }
}
