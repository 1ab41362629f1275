extension String {
  /// A class name as Keras writes it in names: `Conv2D` is `conv2d`, `PReLU` `p_re_lu`, `SimpleRNN` `simple_rnn`.
  package var snakeCase: String {
    let letters = Array(self)
    var result = ""
    for (index, letter) in letters.enumerated() {
      let isCapital = letter.isUppercase && index > 0
      let beginsWord = isCapital && index + 1 < letters.count && letters[index + 1].isLowercase
      if beginsWord || isCapital && letters[index - 1].isLowercase { result += "_" }
      result += letter.lowercased()
    }
    return result
  }
}
