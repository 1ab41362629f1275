import Foundation
import Testing

@testable import MezzoPlugins

@Suite struct SearchPathTests {
  @Test func filesAreTakenInTheirOrder() {
    let configured = SearchPath.configured("/b/two.so:/a/one.so::/missing")
    #expect(configured.files.map(\.path) == ["/b/two.so", "/a/one.so", "/missing"])
    // To name a file is to trust it.
    #expect(configured.files.allSatisfy { $0.isNamed })
    #expect(configured.refused.isEmpty)
  }

  @Test func relativeEntriesAreRefused() {
    let configured = SearchPath.configured("plugins/x.so:/a.so:./y")
    #expect(configured.files.map(\.path) == ["/a.so"])
    #expect(configured.refused.map(\.path) == ["plugins/x.so", "./y"])
    #expect(configured.refused.allSatisfy { $0.reason.contains("absolute paths only") })
  }

  @Test func aDirectorysBackendsAreTakenByName() throws {
    let folder = try TemporaryFolder()
    let names = ["z\(SearchPath.suffix)", "a\(SearchPath.suffix)", "m.toml", "readme.txt", "so", ".hidden.toml"]
    for name in names { try Data().write(to: URL(filePath: folder.file(name))) }
    let root = folder.path
    let files = SearchPath.configured(root).files
    #expect(files.map(\.path) == ["a\(SearchPath.suffix)", "m.toml", "z\(SearchPath.suffix)"].map { "\(root)/\($0)" })
    #expect(files.allSatisfy { !$0.isNamed })
  }

  @Test func foldersOfTheUserComeBeforeThoseOfTheSystem() {
    let folders = SearchPath.folders
    #expect(folders.allSatisfy { $0.hasPrefix("/") })
    #expect(
      folders.suffix(3) == [
        "/etc/mezzo/backends.d", "/usr/local/share/mezzo/backends.d", "/usr/share/mezzo/backends.d",
      ])
  }

  @Test func nothingIsConfiguredByDefault() {
    #expect(SearchPath.configured("").files.isEmpty)
    #expect(SearchPath.configured("").refused.isEmpty)
  }

  @Test func bundledLibrariesLieBesideTheProgram() throws {
    let path = try #require(SearchPath.bundled("MezzoX"))
    #expect(path.hasPrefix("/"))
    #expect(path.hasSuffix("/libMezzoX\(SearchPath.suffix)"))
  }
}
