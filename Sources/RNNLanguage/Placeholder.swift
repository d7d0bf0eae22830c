// RNNLanguage
