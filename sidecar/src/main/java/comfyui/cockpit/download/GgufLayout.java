package comfyui.cockpit.download;

import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;

/** Reads a GGUF header as far as it tells how long the file must be at least. */
final class GgufLayout {
  private static final int STRING = 8;
  private static final int ARRAY = 9;
  private static final int UINT32 = 4;
  private static final long MAX_STRING = 1 << 30;
  private static final int MAX_NAME = 1 << 16;
  private static final int MAX_DIMENSIONS = 8;
  private static final int MAX_NESTING = 4;

  private final InputStream in;
  private long position;

  private GgufLayout(InputStream in) {
    this.in = new BufferedInputStream(in, 1 << 16);
  }

  /**
   * The end of the last tensor, 0 where the version is not one of those that are laid out like this. A tensor of an unknown type counts
   * with its beginning only.
   *
   * @throws IllegalArgumentException if the header contradicts itself or ends too early
   */
  static long leastLength(InputStream file) throws IOException {
    try {
      return new GgufLayout(file).read();
    } catch (EOFException e) {
      throw new IllegalArgumentException("it ends within its header", e);
    } catch (ArithmeticException e) {
      throw new IllegalArgumentException("its header describes more than any file can hold", e);
    }
  }

  private long read() throws IOException {
    skip(4);
    long version = number(4);
    if (version != 2 && version != 3) {
      return 0;
    }
    long tensors = number(8);
    long pairs = number(8);
    long alignment = 32;
    for (long i = 0; i < pairs; i++) {
      String key = string();
      int type = (int) number(4);
      if (key.equals("general.alignment") && type == UINT32) {
        alignment = Math.max(1, number(4));
      } else {
        skipValue(type, 0);
      }
    }
    long end = 0;
    for (long i = 0; i < tensors; i++) {
      end = Math.max(end, tensorEnd());
    }
    long data = Math.multiplyExact(Math.ceilDiv(position, alignment), alignment);
    return tensors == 0 ? position : Math.addExact(data, end);
  }

  private long tensorEnd() throws IOException {
    string();
    long dimensions = number(4);
    if (dimensions > MAX_DIMENSIONS) {
      throw new IllegalArgumentException("a tensor has " + dimensions + " dimensions");
    }
    long elements = 1;
    for (long i = 0; i < dimensions; i++) {
      elements = Math.multiplyExact(elements, number(8));
    }
    long bytes = bytes((int) number(4), elements);
    return Math.addExact(number(8), bytes);
  }

  /** ggml's types, each so many elements in so many bytes. */
  private static long bytes(int type, long elements) {
    return switch (type) {
      case 24 -> elements;
      case 1, 25, 30 -> blocks(elements, 1, 2);
      case 0, 26 -> blocks(elements, 1, 4);
      case 27, 28 -> blocks(elements, 1, 8);
      case 2, 20 -> blocks(elements, 32, 18);
      case 3 -> blocks(elements, 32, 20);
      case 6 -> blocks(elements, 32, 22);
      case 7 -> blocks(elements, 32, 24);
      case 8 -> blocks(elements, 32, 34);
      case 39 -> blocks(elements, 32, 17);
      case 10 -> blocks(elements, 256, 84);
      case 11, 21 -> blocks(elements, 256, 110);
      case 12 -> blocks(elements, 256, 144);
      case 13 -> blocks(elements, 256, 176);
      case 14 -> blocks(elements, 256, 210);
      case 15 -> blocks(elements, 256, 292);
      case 16, 35 -> blocks(elements, 256, 66);
      case 17 -> blocks(elements, 256, 74);
      case 18 -> blocks(elements, 256, 98);
      case 19 -> blocks(elements, 256, 50);
      case 22 -> blocks(elements, 256, 82);
      case 23 -> blocks(elements, 256, 136);
      case 29 -> blocks(elements, 256, 56);
      case 34 -> blocks(elements, 256, 54);
      default -> 0;
    };
  }

  private static long blocks(long elements, int each, int bytes) {
    return Math.multiplyExact(elements / each, bytes);
  }

  private void skipValue(int type, int depth) throws IOException {
    switch (type) {
      case 0, 1, 7 -> skip(1);
      case 2, 3 -> skip(2);
      case UINT32, 5, 6 -> skip(4);
      case 10, 11, 12 -> skip(8);
      case STRING -> skip(number(8));
      case ARRAY -> skipArray(depth);
      default -> throw new IllegalArgumentException("a value has the unknown type " + type);
    }
  }

  private void skipArray(int depth) throws IOException {
    if (depth > MAX_NESTING) {
      throw new IllegalArgumentException("its lists are nested too deeply");
    }
    int type = (int) number(4);
    long count = number(8);
    for (long i = 0; i < count; i++) {
      skipValue(type, depth + 1);
    }
  }

  private String string() throws IOException {
    long length = number(8);
    if (length > MAX_NAME) {
      throw new IllegalArgumentException("a name is " + length + " bytes long");
    }
    byte[] bytes = in.readNBytes((int) length);
    position += bytes.length;
    if (bytes.length < length) {
      throw new EOFException();
    }
    return new String(bytes, StandardCharsets.UTF_8);
  }

  /** Little-endian, never negative. */
  private long number(int size) throws IOException {
    long value = 0;
    for (int i = 0; i < size; i++) {
      int one = in.read();
      if (one < 0) {
        throw new EOFException();
      }
      value |= (long) one << (8 * i);
    }
    position += size;
    if (value < 0) {
      throw new IllegalArgumentException("a count is beyond all measure");
    }
    return value;
  }

  private void skip(long count) throws IOException {
    if (count > MAX_STRING) {
      throw new IllegalArgumentException("a value is " + count + " bytes long");
    }
    in.skipNBytes(count);
    position += count;
  }
}
