use super::*;

#[test]
fn what_cannot_be_seen_is_written_out_and_the_rest_stays() {
    assert_eq!(escaped("a\u{202e}lmay.exe"), "a\\u{202e}lmay.exe");
    assert_eq!(escaped("\0\n\u{7f}\u{2066}\u{feff}"), "\\u{0}\\u{a}\\u{7f}\\u{2066}\\u{feff}");
    for plain in ["día/año-ñ.yaml", "文件.yaml", "ملف.yaml", "e\u{301}.yaml", "🌊.yaml", "a b.yaml"] {
        assert_eq!(escaped(plain), plain);
    }
}
