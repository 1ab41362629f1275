/// The storage of `float16`, IEEE 754 binary16. Largest value 65504; integers are exact to 2048.
///
/// A type of our own because Swift's `Float16` does not exist on a Mac with an Intel processor.
public struct Half: SmallFloatingPoint {
  public let bitPattern: UInt16

  @inlinable
  public init(bitPattern: UInt16) { self.bitPattern = bitPattern }

  @inlinable public static var format: SmallFloat { .float16 }
}

#if !((os(macOS) || targetEnvironment(macCatalyst)) && arch(x86_64))
  extension Half {
    /// The same bits.
    @inlinable
    public init(_ value: Float16) { self.init(bitPattern: value.bitPattern) }
  }

  extension Float16 {
    /// The same bits.
    @inlinable
    public init(_ value: Half) { self.init(bitPattern: value.bitPattern) }
  }
#endif
