package comfyui.cockpit.download;

import comfyui.cockpit.kernel.Code;
import comfyui.cockpit.kernel.Problem;
import comfyui.cockpit.kernel.ProblemException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.OptionalLong;

/**
 * Looks at a file's first bytes while it comes: a login page, an error text or a git-lfs pointer is no model, and a safetensors header
 * tells how long the whole file must be.
 */
final class HeaderCheck {
  private static final int SNIFF = 512;
  private static final long MAX_HEADER = 100_000_000;

  private final String name;
  private final String extension;
  private boolean sniffed;
  private boolean done;

  HeaderCheck(String fileName) {
    this.name = fileName;
    int dot = fileName.lastIndexOf('.');
    this.extension = dot < 0 ? "" : fileName.substring(dot + 1).toLowerCase(Locale.ROOT);
  }

  /** True for formats that run code when loaded: pickles, by whatever name. */
  static boolean executesCode(String fileName) {
    return switch (fileName.substring(fileName.lastIndexOf('.') + 1).toLowerCase(Locale.ROOT)) {
      case "ckpt", "pt", "pth", "bin", "pkl", "pickle" -> true;
      default -> false;
    };
  }

  /**
   * Looks as far as the bytes go.
   *
   * @param available how many bytes from the start are there
   * @param total how long the file will be, if known
   * @param ended true when no more bytes come
   * @throws ProblemException {@code not_a_model}
   */
  void look(FileChannel file, long available, OptionalLong total, boolean ended) throws IOException {
    if (done) {
      return;
    }
    if (!sniffed) {
      if (available < SNIFF && !ended) {
        return;
      }
      sniff(read(file, 0, (int) Math.min(SNIFF, available)));
      sniffed = true;
    }
    switch (extension) {
      case "safetensors", "sft" -> safetensors(file, available, total, ended);
      case "gguf" -> gguf(file, available, ended);
      default -> done = true;
    }
  }

  private void sniff(byte[] start) {
    String text = new String(start, StandardCharsets.ISO_8859_1);
    String head = text.replace("\u00ef\u00bb\u00bf", "").stripLeading().toLowerCase(Locale.ROOT);
    boolean textFile = switch (extension) {
      case "json", "txt", "md", "yaml", "yml", "html", "htm", "xml", "csv", "toml", "py", "jinja", "model", "vocab", "merges", "svg" -> true;
      default -> false;
    };
    if (text.startsWith("version https://git-lfs.github.com/spec/")) {
      throw not("a git-lfs pointer, a short text that stands for the file").withHint("Use the address with /resolve/ in it instead of /raw/.").toException();
    }
    if (textFile) {
      boolean json = extension.equals("json");
      boolean markup = extension.equals("html") || extension.equals("htm") || extension.equals("xml") || extension.equals("svg");
      if (head.startsWith("<!doctype html") && !markup || head.startsWith("<html") && !markup || json && head.startsWith("<")) {
        throw not("a web page").toException();
      }
      return;
    }
    if (head.startsWith("<!doctype") || head.startsWith("<html") || head.startsWith("<?xml") || head.startsWith("<head") || head.startsWith("<error")) {
      throw not("a web page").toException();
    }
    if (head.startsWith("{") || head.startsWith("[{")) {
      throw not("a JSON text, such as a host's error").with("body", new String(start, StandardCharsets.UTF_8).lines().findFirst().orElse("")).toException();
    }
    if (start.length > 0 && start.length < SNIFF && head.chars().allMatch(c -> c >= 0x20 && c < 0x7f || c == '\n' || c == '\r' || c == '\t')) {
      throw not("a short text: \"" + text.lines().findFirst().orElse("").strip() + "\"").toException();
    }
  }

  private void gguf(FileChannel file, long available, boolean ended) throws IOException {
    if (available < 24 && !ended) {
      return;
    }
    byte[] start = read(file, 0, (int) Math.min(24, available));
    if (start.length < 24 || start[0] != 'G' || start[1] != 'G' || start[2] != 'U' || start[3] != 'F') {
      throw not("no GGUF file: it does not begin with GGUF").toException();
    }
    ByteBuffer header = ByteBuffer.wrap(start).order(ByteOrder.LITTLE_ENDIAN);
    int version = header.getInt(4);
    long tensors = header.getLong(8);
    long pairs = header.getLong(16);
    if (version < 1 || version > 1000 || tensors < 0 || pairs < 0 || ended && tensors > available || ended && pairs > available) {
      throw not("no whole GGUF file: its header contradicts its length").toException();
    }
    if (ended) {
      long needed = ggufLength(file, available);
      if (needed > available) {
        throw not("no whole GGUF file: its header describes " + needed + " bytes, the file has " + available).toException();
      }
      done = true;
    }
  }

  private long ggufLength(FileChannel file, long length) throws IOException {
    try {
      return GgufLayout.leastLength(new HeaderStream(file, 0, length));
    } catch (IllegalArgumentException e) {
      throw not("no GGUF file: " + e.getMessage()).toException();
    }
  }

  private void safetensors(FileChannel file, long available, OptionalLong total, boolean ended) throws IOException {
    if (available < 8) {
      if (ended) {
        throw not("too short for a safetensors file (" + available + " bytes)").toException();
      }
      return;
    }
    long length = ByteBuffer.wrap(read(file, 0, 8)).order(ByteOrder.LITTLE_ENDIAN).getLong();
    if (length < 2 || length > MAX_HEADER) {
      throw not("no safetensors file: its header would be " + Long.toUnsignedString(length) + " bytes long").toException();
    }
    if (total.isPresent() && 8 + length > total.getAsLong()) {
      throw not("no safetensors file: its header would be longer than the file").toException();
    }
    if (available < 8 + length) {
      if (ended) {
        throw not("no whole safetensors file: it ends within its header").toException();
      }
      return;
    }
    long needed = 8 + length + dataLength(file, length);
    if (total.isPresent() && total.getAsLong() != needed) {
      throw not("no whole safetensors file: its header describes " + needed + " bytes, the file has " + total.getAsLong()).toException();
    }
    done = total.isPresent();
  }

  private long dataLength(FileChannel file, long length) throws IOException {
    try {
      return SafetensorsJson.dataLength(new HeaderStream(file, 8, 8 + length));
    } catch (IllegalArgumentException e) {
      throw not("no safetensors file: " + e.getMessage()).toException();
    }
  }

  /** A part of the file, read without moving anybody's position. */
  private static final class HeaderStream extends InputStream {
    private final FileChannel file;
    private final long end;
    private long at;

    HeaderStream(FileChannel file, long start, long end) {
      this.file = file;
      this.at = start;
      this.end = end;
    }

    @Override
    public int read() throws IOException {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] bytes, int offset, int length) throws IOException {
      if (at >= end) {
        return -1;
      }
      int n = file.read(ByteBuffer.wrap(bytes, offset, (int) Math.min(length, end - at)), at);
      at += Math.max(0, n);
      return n;
    }
  }

  private Problem not(String what) {
    return Problem.of(Code.NOT_A_MODEL, "What came for " + name + " is " + what + ".");
  }

  private static byte[] read(FileChannel file, long at, int length) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(length);
    while (buffer.hasRemaining()) {
      int n = file.read(buffer, at + buffer.position());
      if (n < 0) {
        break;
      }
    }
    byte[] bytes = new byte[buffer.position()];
    buffer.flip().get(bytes);
    return bytes;
  }
}
