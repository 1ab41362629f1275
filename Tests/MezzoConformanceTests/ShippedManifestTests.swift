import Foundation
import MezzoBackend
import MezzoConformance
import MezzoPlugins
import MezzoRuntime
import Testing

struct ShippedManifestTests {
  struct Shipped: Sendable, CustomTestStringConvertible {
    var file: String
    var package: String
    /// What an old build of the library may lack.
    var optional: Set<String> = []

    var path: String {
      URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Plugins/\(file)").standardized.path()
    }
    var testDescription: String { file }
  }

  static let all = [
    Shipped(file: "OpenBLAS/openblas.toml", package: "libopenblas0-pthread", optional: ["sbgemm"]),
    Shipped(file: "BLIS/blis.toml", package: "libblis4-pthread"),
    Shipped(file: "OneDNNGemm/onednn-gemm.toml", package: "libdnnl2", optional: ["bf16bf16f32"]),
    Shipped(file: "XNNPACK/xnnpack.toml", package: "libxnnpack0"),
  ]

  /// Written along Docs/Backends.md and Docs/Manifests.md alone, by somebody whose library Mezzo does not ship a manifest for.
  static let strangers = Shipped(file: "../Tests/ThirdParty/Manifests/gslcblas.toml", package: "libgslcblas0")

  @Test func aStrangersManifestIsShort() throws {
    let text = try String(contentsOfFile: Self.strangers.path, encoding: .utf8)
    #expect(text.split(separator: "\n", omittingEmptySubsequences: false).count < 40)
    let manifest = try Manifest(parsing: text, path: "gslcblas.toml")
    #expect(!Manifest.shipped.contains { $0.id == manifest.id })
  }

  @Test(arguments: all + [strangers]) func isReadWithoutItsLibrary(shipped: Shipped) throws {
    let text = try String(contentsOfFile: shipped.path, encoding: .utf8)
    let manifest = try Manifest(parsing: text, path: shipped.file)
    #expect(!manifest.rules.isEmpty)
  }

  @Test(arguments: all + [strangers]) func conforms(shipped: Shipped) throws {
    let backend: ManifestBackend
    do {
      backend = try ManifestBackend(file: shipped.path)
    } catch {
      withKnownIssue("\(shipped.file) is not tested: \(error); apt-get install \(shipped.package)") {
        Issue.record("no library")
      }
      return
    }
    let builtin = try #require(BackendRegistry.builtin().backends.first)
    var kit = ConformanceKit(backend: backend, reference: builtin)
    if Sample.isSmall { kit.stride = 7 }
    let report = kit.run()
    #expect(report.isConforming, "\(report)")
    #expect(report.passed > 0)
    #expect(report.untestedRules.isEmpty, "\(report)")
    #expect(Set(backend.droppedRules.map(\.rule.name)).isSubset(of: shipped.optional), "\(backend.droppedRules)")
  }

  @Test func theProgramHasThemAllWithItself() throws {
    for shipped in Self.all {
      let text = try String(contentsOfFile: shipped.path, encoding: .utf8)
      let manifest = try Manifest(parsing: text, path: shipped.file)
      let inside = try #require(Manifest.shipped.first { $0.id == manifest.id })
      #expect(inside.rules.map(\.description) == manifest.rules.map(\.description))
    }
    // Ready or absent, as the libraries are there or not.
    let listed = BackendRegistry.discovered().entries.filter { $0.trust == .builtIn }
    #expect(Manifest.shipped.allSatisfy { manifest in listed.contains { $0.name == manifest.id } })
    #expect(listed.allSatisfy { $0.isReady || $0.isAbsent || $0.name == "onednn" })
  }
}
