import Foundation
import MezzoPolicy
import Testing

struct DTypeTests {
  @Test(arguments: DType.allCases)
  func nameReadsBack(dtype: DType) throws {
    #expect(try DType(name: dtype.name) == dtype)
    #expect(dtype.description == dtype.rawValue)
  }

  @Test(arguments: [
    ("half", DType.float16), ("float", .float32), ("double", .float64), ("float8_e4m3fn", .float8E4M3FN),
  ])
  func aliasesAndUnderscores(name: String, dtype: DType) throws {
    #expect(try DType(name: name) == dtype)
  }

  @Test(arguments: [
    "", " float32", "float32\n", "FLOAT32", "int", "str", "fp16", "bf16", "mixed_float16", "_infer", "float8E4M3FN",
  ])
  func otherNamesAreRefused(name: String) {
    #expect(throws: PolicyError.unknownDType(name: name)) { try DType(name: name) }
  }

  @Test func kindsAreDisjoint() {
    for dtype in DType.allCases {
      let kinds = [dtype.isFloatingPoint, dtype.isInteger, dtype.isComplex].filter { $0 }
      #expect(kinds.count <= 1, "\(dtype)")
    }
    #expect(DType.allCases.filter(\.isFloatingPoint).count == 6)
    #expect(DType.allCases.filter(\.isInteger).count == 10)
    #expect(DType.allCases.filter(\.isComplex) == [.complex64, .complex128])
    #expect(!DType.bool.isInteger && !DType.qint8.isInteger)
  }

  @Test func widths() {
    #expect(DType.int4.bitWidth == 4 && DType.int4.byteWidth == nil)
    #expect(DType.bool.byteWidth == 1)
    #expect(DType.float8E5M2.byteWidth == 1)
    #expect(DType.bfloat16.byteWidth == 2)
    #expect(DType.complex64.byteWidth == 8)
    #expect(DType.complex128.bitWidth == 128)
    for opaque in [DType.string, .resource, .variant] {
      #expect(opaque.bitWidth == nil && opaque.byteWidth == nil)
    }
  }

  @Test func codesAsItsName() throws {
    let data = try JSONEncoder().encode([DType.float8E5M2])
    #expect(String(decoding: data, as: UTF8.self) == #"["float8_e5m2"]"#)
    #expect(try JSONDecoder().decode([DType].self, from: data) == [.float8E5M2])
  }
}
