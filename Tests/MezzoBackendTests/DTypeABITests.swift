import CMezzoABI
import MezzoBackend
import MezzoPolicy
import Testing

@Suite struct DTypeABITests {
  private static let opaque: Set<DType> = [
    .string, .qint8, .quint8, .qint16, .quint16, .qint32, .resource, .variant,
  ]
  private static let complex: Set<DType> = [.complex64, .complex128]

  @Test(arguments: DType.allCases) func crossesTheBoundaryAndComesBack(dtype: DType) {
    guard let abi = dtype.abi else {
      #expect(Self.opaque.contains(dtype))
      return
    }
    #expect(!Self.opaque.contains(dtype))
    #expect(DType(abi: abi) == dtype)
    #expect(Int(abi.bits) == dtype.bitWidth)
    #expect(abi.lanes == 1)
  }

  @Test(arguments: DType.allCases) func hasAShortNameIfRulesCanNameIt(dtype: DType) {
    #expect((dtype.shortName == nil) == (Self.opaque.contains(dtype) || Self.complex.contains(dtype)))
    if let name = dtype.shortName { #expect(DType(shortName: name) == dtype) }
  }

  @Test func codesAreThoseOfDLPack() {
    #expect(DType.bfloat16.abi.map { [Int($0.code), Int($0.bits)] } == [4, 16])
    #expect(DType.float32.abi.map { [Int($0.code), Int($0.bits)] } == [2, 32])
    #expect(DType.uint8.abi.map { [Int($0.code), Int($0.bits)] } == [1, 8])
    #expect(DType.bool.abi.map { [Int($0.code), Int($0.bits)] } == [6, 8])
    #expect(DType.float8E4M3FN.abi.map { [Int($0.code), Int($0.bits)] } == [10, 8])
  }

  @Test func unknownCodesHaveNoDType() {
    #expect(DType(abi: mezzo_dtype(code: 2, bits: 80, lanes: 1)) == nil)
    #expect(DType(abi: mezzo_dtype(code: 255, bits: 8, lanes: 1)) == nil)
    #expect(DType(abi: mezzo_dtype(code: 2, bits: 32, lanes: 4)) == nil)
    #expect(DType(shortName: "float32") == nil)
  }
}
