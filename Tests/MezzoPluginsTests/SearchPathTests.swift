import Foundation
import Testing

@testable import MezzoPlugins

@Suite struct SearchPathTests {
  @Test func filesAreTakenInTheirOrder() {
    let configured = SearchPath.configured("/b/two.so:/a/one.so::/missing")
    #expect(configured.libraries == ["/b/two.so", "/a/one.so", "/missing"])
    #expect(configured.refused.isEmpty)
  }

  @Test func relativeEntriesAreRefused() {
    let configured = SearchPath.configured("plugins/x.so:/a.so:./y")
    #expect(configured.libraries == ["/a.so"])
    #expect(configured.refused.map(\.path) == ["plugins/x.so", "./y"])
    #expect(configured.refused.allSatisfy { $0.reason.contains("absolute paths only") })
  }

  @Test func aDirectorysLibrariesAreTakenByName() throws {
    let folder = try TemporaryFolder()
    let names = ["z\(SearchPath.suffix)", "a\(SearchPath.suffix)", "readme.txt", "so"]
    for name in names { try Data().write(to: URL(filePath: folder.file(name))) }
    let root = folder.path
    #expect(SearchPath.configured(root).libraries == ["a", "z"].map { "\(root)/\($0)\(SearchPath.suffix)" })
  }

  @Test func nothingIsConfiguredByDefault() {
    #expect(SearchPath.configured("").libraries.isEmpty)
    #expect(SearchPath.configured("").refused.isEmpty)
  }

  @Test func bundledLibrariesLieBesideTheProgram() throws {
    let path = try #require(SearchPath.bundled("MezzoX"))
    #expect(path.hasPrefix("/"))
    #expect(path.hasSuffix("/libMezzoX\(SearchPath.suffix)"))
  }
}
