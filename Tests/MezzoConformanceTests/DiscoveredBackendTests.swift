import MezzoBackend
import MezzoConformance
import MezzoPlugins
import MezzoRuntime
import Testing

struct DiscoveredBackendTests {
  /// Whatever is ready on this machine: oneDNN where its library is installed. ShippedManifestTests tries the manifests.
  @Test func everyReadyBackendConforms() throws {
    let builtin = try #require(BackendRegistry.builtin().backends.first)
    let shipped = Set(Manifest.shipped.map(\.id))
    for backend in BackendRegistry.discovered().backends where backend.id != builtin.id && !shipped.contains(backend.id)
    {
      var kit = ConformanceKit(backend: backend, reference: builtin)
      if Sample.isSmall { kit.stride = 11 }
      let report = kit.run()
      #expect(report.isConforming, "\(report)")
      #expect(report.passed > 0)
    }
  }
}
