import MezzoPolicy
import Testing

@Suite struct DeviceCompatibilityTests {
  private let v100 = GPUDescription(name: "V100", computeCapability: ComputeCapability(7, 0))
  private let k80 = GPUDescription(name: "K80", computeCapability: ComputeCapability(3, 7))

  private func check(_ gpus: [GPUDescription]) throws -> DeviceCompatibility {
    try #require(DeviceCompatibility(of: .mixedFloat16, on: gpus))
  }

  @Test(arguments: [DTypePolicy.float32, .float16, .bfloat16, .mixedBFloat16, .float64, .infer])
  func otherPoliciesHaveNothingToSay(policy: DTypePolicy) {
    #expect(DeviceCompatibility(of: policy, on: []) == nil)
    #expect(DeviceCompatibility(of: policy, on: [v100, k80]) == nil)
  }

  @Test func fastGPUsAreGoodNews() throws {
    let one = try check([v100])
    #expect(one.level == .info && one.text.contains("GPU: V100, compute capability 7.0."))
    let newer = GPUDescription(name: "H100", computeCapability: ComputeCapability(9, 0))
    #expect(try check([v100, newer]).level == .info)
  }

  @Test func slowAndMissingGPUsAreWarnedAbout() throws {
    #expect(try check([k80]).level == .warning)
    #expect(try check([v100, k80]).level == .warning)
    #expect(try check([v100, k80]).text.contains("on some GPUs"))
    let none = try check([])
    #expect(none.level == .warning && none.text.contains("mixed_float16") && none.text.contains("7.0"))
    let unknown = try check([GPUDescription()])
    #expect(unknown.level == .warning && unknown.text.contains("unknown GPU, without a compute capability"))
  }

  /// Fast ones first; only equal neighbours are counted together.
  @Test func gpusAreListedInOrder() throws {
    let text = try check([k80, v100, k80, v100, GPUDescription(name: "K80"), k80]).text
    #expect(
      text.contains(
        """
        GPUs: V100, compute capability 7.0 (x2); K80, compute capability 3.7 (x2); \
        K80, without a compute capability, so hardly Nvidia's; K80, compute capability 3.7.
        """))
  }

  @Test func capabilitiesAreOrderedAsVersionsAre() {
    #expect(ComputeCapability(6, 9) < ComputeCapability(7, 0) && ComputeCapability(7, 5) < ComputeCapability(7, 10))
  }
}
