//! Pictures as a file: pixels in rows, as a bitmap that any viewer opens.

/// A picture of `width`, red, green and blue from 0 to 255, as the bytes of a BMP file.
pub fn bitmap(pixels: &[f32], width: usize) -> Vec<u8> {
    let height = pixels.len() / 3 / width;
    let line = (3 * width).next_multiple_of(4);
    let size = (54 + line * height) as u32;
    let mut out = b"BM".to_vec();
    for word in [size, 0, 54, 40, width as u32, height as u32, 1 | 24 << 16, 0, 0, 2835, 2835, 0, 0] {
        out.extend(word.to_le_bytes());
    }
    // Lines from the bottom up, blue first.
    for row in pixels.chunks(3 * width).rev() {
        let start = out.len();
        out.extend(row.chunks(3).flat_map(|pixel| [pixel[2], pixel[1], pixel[0]].map(|x| x.round() as u8)));
        out.resize(start + line, 0);
    }
    out
}
