import Foundation
import MezzoBackend
import Testing

@testable import MezzoPlugins

@Suite struct DigestTests {
  /// FIPS 180-4's examples, and lengths around the padding's corners.
  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
    (String(repeating: "a", count: 1_000_000), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
  ]) func vectors(text: String, expected: String) throws {
    #expect(Digest(text: text).description == expected)
    let folder = try TemporaryFolder()
    try Data(text.utf8).write(to: URL(filePath: folder.file("x")))
    #expect(Digest(file: folder.file("x"))?.description == expected)
  }

  @Test func aFileThatIsNotThereHasNone() {
    #expect(Digest(file: "/nowhere") == nil)
    #expect(FileStamp("/nowhere") == nil)
  }

  @Test func onlyTwoOfLLVMsRuntimesAreFatal() {
    func clash(_ new: Set<String>, _ present: Set<String>) -> ThreadRuntimes.Clash? {
      ThreadRuntimes.clash(new, with: present)
    }
    #expect(
      ThreadRuntimes.names(in: ["/usr/lib/libgomp.so.1", "/x/libomp.so", "/libm.so.6"]) == ["libgomp", "libomp"])
    #expect(clash(["libomp"], []) == nil)
    #expect(clash(["libgomp"], ["libgomp"]) == nil)
    #expect(clash([], ["libgomp"]) == nil)
    if case .fatal? = clash(["libiomp5"], ["libgomp", "libomp"]) {
    } else {
      Issue.record("libomp and libiomp5 together")
    }
    if case .warning? = clash(["libomp"], ["libgomp"]) {} else { Issue.record("libgomp and libomp together") }
  }

  @Test func requirementsAreTold() {
    #expect(Manifest.Requirements().missing == nil)
    #expect(Manifest.Requirements(os: ["amiga"]).missing?.contains("amiga") == true)
    #expect(Manifest.Requirements(arch: ["m68k"]).missing?.contains("m68k") == true)
    #expect(Manifest.Requirements(cpu: ["warp_drive"]).missing?.contains("warp_drive") == true)
  }
}
